#include "experiments/report/style.h"

namespace quench::experiments::report {

/// Runs use the palette of Okabe and Ito, which people with red-green colour blindness can
/// distinguish, lightened on dark; layers range from dark to light. Paper has the colours of light
/// screens.
std::string_view page_style() {
  return R"css(
:root {
  color-scheme: light dark;
  --paper: #ffffff; --card: #f6f7f9; --ink: #1b1f24; --soft: #59636e; --line: #d5dae0; --grid: #dfe3e8;
  --level: #6b7280; --right: 0, 114, 178; --wrong: 213, 94, 0;
  --run0: #0072b2; --run1: #d55e00; --run2: #009e73; --run3: #b0568c;
  --run4: #a67c00; --run5: #3f97cf; --run6: #7a4ea3; --run7: #5f6b76;
  --depth0: #08306b; --depth1: #0b4f94; --depth2: #1b6db0; --depth3: #2d8ac0; --depth4: #35a3ad;
  --depth5: #3fae84; --depth6: #6fae4c; --depth7: #a9a22a; --depth8: #d08a00;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --card: #1d2126; --ink: #e4e8ec; --soft: #9aa5b1; --line: #353c44; --grid: #2c333a;
    --level: #98a2ae; --right: 86, 180, 233; --wrong: 240, 140, 60;
    --run0: #56b4e9; --run1: #f08c3c; --run2: #2bc596; --run3: #dd8fbd;
    --run4: #e0b93a; --run5: #8fc9ee; --run6: #b795dc; --run7: #a5b0bb;
    --depth0: #5c7fd6; --depth1: #4f94e0; --depth2: #45a8e2; --depth3: #3fbcd8; --depth4: #42cbbd;
    --depth5: #5dd397; --depth6: #8fd670; --depth7: #c6d152; --depth8: #f2c14a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1160px; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .7rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
nav { font-size: .85rem; margin: .4rem 0 0; }
nav a { margin-right: 1rem; white-space: nowrap; }
a { color: var(--run0); }
p { margin: .4rem 0; }
.verdict { font-size: 1.1rem; margin: .6rem 0 1rem; max-width: 62rem; }
.hint { color: var(--soft); font-size: .85rem; max-width: 62rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; margin: .4rem 0 .8rem; }
th, td { padding: .3rem .7rem .3rem 0; text-align: left; vertical-align: top; font-weight: 400;
  border-bottom: 1px solid var(--line); white-space: nowrap; }
thead th { color: var(--soft); vertical-align: bottom; }
@media (min-width: 900px) { thead th { white-space: normal; } } /* narrower ones scroll */
.number { text-align: right; font-variant-numeric: tabular-nums; }
.best-value { font-weight: 700; }
.run { white-space: nowrap; font-weight: 600; }
.run i { display: inline-block; width: .75em; height: .75em; border-radius: 2px; margin-right: .4em;
  background: var(--color); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.best { font-size: .72rem; font-weight: 600; padding: .05rem .4rem; border-radius: 1rem; color: var(--paper);
  background: var(--run2); }
.notes { font-size: .9rem; padding: .5rem 1rem .5rem 2rem; background: var(--card);
  border-left: 3px solid var(--run4); overflow-wrap: anywhere; }
.figures, .pictures { display: flex; flex-wrap: wrap; gap: 1rem; }
.pictures { max-width: 44rem; } /* twelve in two rows */
/* At most --columns of them side by side, and none narrower than can be read. */
.histograms { display: grid; gap: .6rem; margin-bottom: .8rem; grid-template-columns:
  repeat(auto-fill, minmax(max(200px, (100% - .6rem * (var(--columns) - 1)) / var(--columns)), 1fr)); }
.histograms .plot { padding: .4rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: .85rem; }
figure { margin: 0; }
/* Captions above, axes of one height below. */
.plot { background: var(--card); border-radius: 6px; padding: .6rem; max-width: 100%; break-inside: avoid;
  display: flex; flex-direction: column; justify-content: space-between; }
.plot figcaption { font-size: .82rem; color: var(--soft); width: 0; min-width: 100%; margin-bottom: .3rem; }
.histograms .plot figcaption { font-size: .75rem; line-height: 1.35; }
.keys { display: flex; flex-wrap: wrap; gap: 0 .9rem; margin: 0 0 .3rem; font-size: .75rem; width: 0; min-width: 100%; }
.keys span { white-space: nowrap; }
.keys i { display: inline-block; width: 1.3em; height: 0; margin-right: .35em; vertical-align: .25em;
  border-top: .2em solid var(--color); }
.keys .dashed i { border-top-style: dashed; }
.plot svg { display: block; max-width: 100%; height: auto; font-family: inherit; }
.histograms .plot svg { width: 100%; }
@media screen and (max-width: 700px) { /* else its text would be illegible */
  #layers .plot { overflow-x: auto; }
  #layers .plot svg { max-width: none; width: 760px; }
}
.confusion th, .confusion td { padding: .2rem .45rem; border: 1px solid var(--paper); }
.confusion td { text-align: right; }
.confusion thead th { white-space: normal; width: 4.5em; }
.confusion .right { background: rgba(var(--right), calc(.12 + .55 * var(--share))); }
.confusion .wrong { background: rgba(var(--wrong), calc(.12 + .88 * var(--share))); }
.confusion .none { color: var(--soft); opacity: .55; }
.picture { width: 100px; font-size: .75rem; line-height: 1.3; break-inside: avoid; overflow-wrap: anywhere; }
.picture img { image-rendering: pixelated; object-fit: contain; background: var(--card); border-radius: 4px; }
pre { background: var(--card); padding: .6rem .8rem; border-radius: 6px; font-size: .8rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
code { font-size: .9em; }
details { margin: .4rem 0; }
summary { cursor: pointer; }
footer { margin-top: 3rem; color: var(--soft); font-size: .8rem; }
@media print {
  :root { --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --grid: #ddd; --level: #666; }
  html { font-size: 11px; }
  body { font-size: 11px; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  h2, h3, .hint, .legend, summary { break-after: avoid; }
  tr, figure, .pictures { break-inside: avoid; }
  thead { display: table-header-group; }
  /* Nobody can open them on paper. */
  details::details-content { content-visibility: visible; block-size: auto; }
  /* Without its background white text would be invisible. */
  .best { color: var(--ink); border: 1px solid var(--ink); }
  .figures { gap: .5rem; }
  .figures .plot { padding: 0; }
  #curves .plot, #quantizers .plot { width: 48%; }
  .confusion, .hint { break-inside: avoid; }
  .confusion td { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .scroll { overflow: visible; }
  .scroll + .hint { break-before: avoid; }
  th, td { white-space: normal; padding-right: .5rem; }
  .number { white-space: nowrap; }
  thead .number { white-space: normal; }
  .histograms { grid-template-columns: repeat(var(--columns), 1fr); }
  .pictures { max-width: none; }
  details pre { columns: 3; }
}
)css";
}

}  // namespace quench::experiments::report
