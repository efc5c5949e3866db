"""Looks at a report in a real browser: nothing wider than the window, contrast of all text, and pictures of the first screen.

    apt-get install chromium-headless-shell
    build/release/onnx-align a.onnx b.onnx -o m.onnx --data x.npy --labels y.npy --report report.html
    python3 tests/browser/check_report.py report.html [PICTURES]

PICTURES is where report-phone.png, report-wide.png and report-dark.png go. Not part of ./test.sh: the browser is large.
"""
import html
import json
import os
import re
import subprocess
import sys
import tempfile

BROWSER = ["chromium-headless-shell", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
WINDOWS = [(320, 640), (390, 844), (1280, 900)]

# WCAG 2.1: relative luminance, and the ratio that normal text needs (4.5), large text (3). What is measured goes into the
# page's own text. Charts' text has a fill in the place of a colour.
MEASURE = """
<script>
function channels(text) { return text.match(/[\\d.]+/g).map(Number); }
function luminance(text) {
  const [r, g, b] = channels(text).map(c => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function behind(element) {
  for (; element; element = element.parentElement) {
    const colour = getComputedStyle(element).backgroundColor;
    if ((channels(colour)[3] ?? 1) > 0) return colour;
  }
  return 'rgb(255, 255, 255)';
}
addEventListener('load', () => {
  for (const d of document.querySelectorAll('details')) d.open = true;
  const bad = [];
  let least = 99;
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own) continue;
    const style = getComputedStyle(e);
    const ink = luminance(e instanceof SVGElement ? style.fill : style.color), back = luminance(behind(e));
    const ratio = (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05);
    least = Math.min(least, ratio);
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) bad.push(e.tagName + ': ' + e.textContent.trim().slice(0, 40));
  }
  const root = document.documentElement;
  const small = [...document.querySelectorAll('body *')].filter(e => [...e.childNodes].some(
    n => n.nodeType === 3 && n.textContent.trim()) && e.getBoundingClientRect().height > 0
    && parseFloat(getComputedStyle(e).fontSize) * (e.ownerSVGElement ? e.ownerSVGElement.getScreenCTM().a : 1) < 9.5);
  const result = {width: innerWidth, overflow: root.scrollWidth - innerWidth, contrast: least, bad,
                  small: small.map(e => e.textContent.slice(0, 40))};
  document.body.textContent = 'MEASURED' + JSON.stringify(result) + 'MEASURED';
});
</script>
"""


def browse(path, window, is_dark, *arguments):
    options = [f"--window-size={window[0]},{window[1]}"]
    if is_dark:
        options.append("--blink-settings=preferredColorScheme=0")
    return subprocess.run([*BROWSER, *options, *arguments, "file://" + os.path.abspath(path)], capture_output=True,
                          text=True, timeout=120, check=True)


def main():
    report = sys.argv[1]
    failed = False
    with open(report, encoding="utf-8") as file:
        source = file.read()
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "measured.html")
        with open(copy, "w", encoding="utf-8") as file:
            file.write(source.replace("</body>", MEASURE + "</body>"))
        for window in WINDOWS:
            for is_dark in (False, True):
                text = browse(copy, window, is_dark, "--dump-dom").stdout
                found = json.loads(html.unescape(re.search("MEASURED(.*)MEASURED", text, re.S).group(1)))
                is_bad = found["overflow"] > 0 or found["bad"] or found["small"] or found["width"] != window[0]
                failed = failed or bool(is_bad)
                print(f"{window[0]:5} {'dark ' if is_dark else 'light'} {'BAD' if is_bad else 'good'}: {found['overflow']} "
                      f"pixels too wide, least contrast {found['contrast']:.2f}, {found['bad']} {found['small']}")
    if len(sys.argv) > 2:
        for name, window, is_dark in [("phone", WINDOWS[1], False), ("wide", WINDOWS[2], False), ("dark", WINDOWS[2], True)]:
            browse(report, window, is_dark, "--screenshot=" + os.path.abspath(f"{sys.argv[2]}/report-{name}.png"))
    return failed


if __name__ == "__main__":
    sys.exit(main())
