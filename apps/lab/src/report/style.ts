import { Markup } from './markup.js';

/**
 * Series colours are those of Okabe and Ito, "Color Universal Design" (2008), which colour-blind readers tell apart;
 * dashes tell them apart without colour. The dark scheme has lighter ones of the same hues.
 */
export const STYLE = new Markup(`
:root {
  color-scheme: light dark;
  --ground: #ffffff; --ink: #1b1f24; --soft: #5b6470; --rule: #e3e6ea; --panel: #f7f8fa; --mark: #1b1f24;
  --c0: #b35900; --c1: #0072b2; --c2: #007a58; --c3: #a8558b; --c4: #6b6b6b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15181c; --ink: #e6e9ed; --soft: #9aa4b0; --rule: #2c323a; --panel: #1c2026; --mark: #f2f4f7;
    --c0: #e69f00; --c1: #56b4e9; --c2: #2fc296; --c3: #dd92c0; --c4: #a5a5a5;
  }
}
@media print {
  :root {
    --ground: #ffffff; --ink: #000000; --soft: #333333; --rule: #cccccc; --panel: #ffffff; --mark: #000000;
    --c0: #b35900; --c1: #0072b2; --c2: #007a58; --c3: #a8558b; --c4: #6b6b6b;
  }
  figure, tr, h2 { break-inside: avoid; }
  h2 { break-after: avoid; }
  * { print-color-adjust: exact; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 18px; margin: 40px 0 4px; padding-top: 16px; border-top: 1px solid var(--rule); }
p { margin: 4px 0 12px; max-width: 76ch; }
.lead, .note, figcaption { color: var(--soft); }
dl.facts { display: flex; flex-wrap: wrap; gap: 8px 32px; margin: 20px 0 0; }
dl.facts dt { font-size: 12px; color: var(--soft); }
dl.facts dd { margin: 0; font-variant-numeric: tabular-nums; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); gap: 20px; }
figure { margin: 0; padding: 12px; background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; }
figure.wide { grid-column: 1 / -1; }
figcaption { font-weight: 600; color: var(--ink); margin-bottom: 4px; }
figure svg { display: block; width: 100%; height: auto; font: 11px system-ui, sans-serif; }
text { fill: var(--ink); font-variant-numeric: tabular-nums; }
text.tick, text.label { fill: var(--soft); }
text.value { paint-order: stroke; stroke: var(--panel); stroke-width: 3px; stroke-linejoin: round; }
text.group { font-weight: 600; font-size: 12px; }
.grid { stroke: var(--rule); stroke-width: 1; }
.reference { stroke: var(--mark); stroke-width: 1; stroke-dasharray: 2 3; }
.mark { stroke: var(--mark); stroke-width: 2; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.s0 { stroke: var(--c0); stroke-dasharray: 7 3; } .bar.s0 { fill: var(--c0); }
.line.s1 { stroke: var(--c1); stroke-dasharray: 3 2; } .bar.s1 { fill: var(--c1); }
.line.s2 { stroke: var(--c2); stroke-width: 2.5; } .bar.s2 { fill: var(--c2); }
.line.s3 { stroke: var(--c3); stroke-dasharray: 9 3 2 3; } .bar.s3 { fill: var(--c3); }
.line.s4 { stroke: var(--c4); stroke-dasharray: 1 2; } .bar.s4 { fill: var(--c4); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 8px 0 12px; }
.key { display: inline-flex; align-items: center; gap: 6px; }
.key svg { width: 26px; height: 12px; }
.scroll { overflow-x: auto; margin: 12px 0; }
table { border-collapse: collapse; font-size: 13px; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); text-align: left; vertical-align: bottom; }
.number { text-align: right; }
`);
