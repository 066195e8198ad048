"""A bar chart of training steps, as SVG: each network's speed relative to PyTorch's fastest float step."""

BAR, GAP, LEFT, WIDTH = 16, 14, 210, 400
# (series, colour), in the order of the bars; PyTorch's float step is the line at 1.
SERIES = (("PyTorch, quantized", "#b8b8b8"), ("quench, float", "#8fb8de"), ("quench, quantized", "#1f5fa8"))


def text(x, y, content, anchor="start", size=12):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{content}</text>'


def write(path, rows):
    """rows: (network, quantized as, {series: times PyTorch's float step})"""
    most = max(value for _, _, values in rows for value in values.values())
    scale = WIDTH / most
    group = len(SERIES) * BAR + GAP
    height = 50 + group * len(rows) + 30
    one = LEFT + scale
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 60}" height="{height}" font-family="sans-serif" '
             'fill="#222">', f'<rect width="100%" height="100%" fill="white"/>',
             text(10, 22, "Training steps on 2 cores: times as fast as PyTorch's fastest float step", size=14)]
    x = 10
    for name, colour in SERIES:
        parts += [f'<rect x="{x}" y="32" width="10" height="10" fill="{colour}"/>', text(x + 15, 41, name)]
        x += 30 + 7 * len(name)
    for i, (network, quantized, values) in enumerate(rows):
        top = 58 + i * group
        parts += [text(LEFT - 10, top + BAR + 2, network, "end"), text(LEFT - 10, top + 2 * BAR + 4, quantized, "end", 11)]
        for k, (name, colour) in enumerate(SERIES):
            y, length = top + k * BAR, values[name] * scale
            parts += [f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 2}" fill="{colour}"/>',
                      text(LEFT + length + 5, y + BAR - 4, f"{values[name]:.2f}", size=11)]
    parts += [f'<line x1="{one:.1f}" y1="52" x2="{one:.1f}" y2="{height - 24}" stroke="#c33" stroke-dasharray="4 3"/>',
              text(one, height - 10, "PyTorch, float", "middle", 11), "</svg>"]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts) + "\n")
