#include "experiments/report/html.h"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace quench::experiments::report;

TEST_CASE("escape_html: special characters, in text and in attributes") {
  CHECK(escape_html("a < b && c > \"d\" 'e'") ==
        "a &lt; b &amp;&amp; c &gt; &quot;d&quot; &#39;e&#39;");
  CHECK(escape_html("&amp;") == "&amp;amp;");
  CHECK(escape_html("<script>alert(1)</script>") == "&lt;script&gt;alert(1)&lt;/script&gt;");
  CHECK(escape_html("größer – 大") == "größer – 大");
  CHECK(escape_html("") == "");
}

TEST_CASE("escape_html: control characters become spaces, except line ends and tabs") {
  CHECK(escape_html(std::string("a\0b\x01"
                                "c\x02\x03\x7f\n\td",
                                11)) == "a b c   \n\td");
}

TEST_CASE("breakable_html: a line may break after an underscore, and entities stay intact") {
  CHECK(breakable_html("a_b<c_") == "a_<wbr>b&lt;c_<wbr>");
}

TEST_CASE("html table: cells are escaped unless they are HTML, numbers have a class") {
  HtmlTable table({{"run"}, {"a&b", true}});
  CHECK(table.empty());
  HtmlCell bold = HtmlCell::raw("<b>7</b>");
  bold.css_class = "x";
  bold.css = "color:red";
  table.add({"<i>", bold});
  CHECK_FALSE(table.empty());
  CHECK(table.html() ==
        "<div class=\"scroll\"><table>\n"
        "<thead><tr><th scope=\"col\">run</th><th scope=\"col\" class=\"number\">a&amp;b</th></tr>"
        "</thead>\n<tbody>\n"
        "<tr><th scope=\"row\">&lt;i&gt;</th><td class=\"number x\" "
        "style=\"color:red\"><b>7</b></td></tr>\n"
        "</tbody></table></div>\n");
  CHECK_THROWS_WITH_AS(table.add({"one"}), "html table: expected 2 cells, got 1",
                       std::invalid_argument);
}
