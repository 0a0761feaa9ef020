/**
 * The style of the operator's page. Dark or light as the system is; one column on phones.
 *
 * @module
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --text: #1a1f27; --quiet: #566070; --line: #d9dee5; --accent: #0b62c4;
  --accent-text: #fff; --good: #16703c; --bad: #b3261e; --warn: #8a5300; --upload: #0b62c4; --download: #8a3ffc;
  --bar: #dce3ec;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12151a; --card: #1b2027; --text: #e7eaef; --quiet: #a3adbb; --line: #343c47; --accent: #7db8ff;
    --accent-text: #0c1420; --good: #6fd596; --bad: #ff9d94; --warn: #f2bd6b; --upload: #7db8ff; --download: #c8a2ff;
    --bar: #343c47;
  }
}
* { box-sizing: border-box; }
html { font: 15px/1.5 system-ui, sans-serif; background: var(--page); color: var(--text); }
body { margin: 0 auto; max-width: 76rem; padding: 0 1rem 3rem; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem 1rem; }
header.top { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: center; padding: 1rem 0; }
header.top .name { font-weight: 650; font-size: 1.1rem; margin-right: auto; overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem; list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .35rem .7rem; border-radius: 6px; text-decoration: none; color: var(--text); }
nav a:hover { background: var(--bar); }
nav a[aria-current] { background: var(--accent); color: var(--accent-text); }
h1 { font-size: 1.35rem; margin: .5rem 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 0 0 .6rem; }
h3 { font-size: 1rem; margin: 0 0 .6rem; }
section, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem; margin: 0 0 1rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1rem; margin-bottom: 1rem; }
.cards .card { margin: 0; }
.card dt { color: var(--quiet); font-size: .85rem; }
.card dd { margin: 0; font-size: 1.35rem; font-weight: 600; }
.card dd small { display: block; font-size: .8rem; font-weight: 400; color: var(--quiet); }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 1rem; align-items: start; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .6rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child > td, tr:last-child > th { border-bottom: 0; }
thead th { color: var(--quiet); font-weight: 500; font-size: .85rem; white-space: nowrap; }
th[scope=row] { font-weight: 500; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.word { white-space: nowrap; }
th[scope=row], .file, .text { overflow-wrap: anywhere; min-width: 9rem; }
.quiet { color: var(--quiet); }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.state { font-weight: 600; }
progress { width: 100%; min-width: 6rem; height: .6rem; accent-color: var(--accent); }
.chart { width: 100%; height: 8rem; display: block; }
.chart path { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; }
.chart .grid { stroke: var(--line); stroke-width: 1; }
.axis { display: flex; justify-content: space-between; font-size: .85rem; color: var(--quiet); }
.chart .upload { stroke: var(--upload); } .chart .download { stroke: var(--download); }
.legend { display: flex; gap: 1.2rem; flex-wrap: wrap; margin: .4rem 0 0; padding: 0; list-style: none; color: var(--quiet); }
.legend b::before { content: ""; display: inline-block; width: 1rem; height: .2rem; margin: 0 .4rem .25rem 0; background: currentcolor; }
.legend .upload b { color: var(--upload); } .legend .download b { color: var(--download); }
main.card { max-width: 36rem; margin: 2rem auto; }
form.row { margin-bottom: 1rem; display: flex; flex-wrap: wrap; gap: .6rem; align-items: end; }
form.inline { display: inline; }
label { display: block; font-size: .85rem; color: var(--quiet); }
input, select, button { font: inherit; color: var(--text); background: var(--page); border: 1px solid var(--quiet); border-radius: 6px; padding: .35rem .6rem; min-height: 2.2rem; max-width: 100%; }
button, .button { background: var(--accent); color: var(--accent-text); border-color: var(--accent); cursor: pointer; font-weight: 550; }
button:disabled { opacity: .6; cursor: default; }
button.plain { background: transparent; color: var(--accent); }
button.danger { background: transparent; color: var(--bad); border-color: var(--bad); }
td form, td button { margin: 0; }
td button { min-height: 1.9rem; padding: .1rem .6rem; }
.note { border-left: 4px solid var(--accent); }
.note.bad { border-color: var(--bad); color: var(--text); }
.qr svg { width: 13rem; height: 13rem; display: block; background: #fff; border-radius: 6px; }
p code { white-space: nowrap; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--page); padding: .6rem; border-radius: 6px; margin: .4rem 0; }
footer { color: var(--quiet); font-size: .85rem; }
@media (max-width: 50rem) {
  table.stack thead { position: absolute; clip-path: inset(50%); }
  table.stack, table.stack tbody { display: block; }
  table.stack tr { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .1rem .8rem; padding: .6rem 0; border-bottom: 1px solid var(--line); }
  table.stack tr:last-child { border: 0; }
  table.stack td, table.stack th { display: contents; border: 0; }
  table.stack td::before, table.stack th[scope=row]::before { content: attr(data-label); color: var(--quiet); font-size: .85rem; font-weight: 400; white-space: nowrap; }
  table.stack .number { text-align: left; }
}
@media (prefers-reduced-motion: no-preference) { nav a, button { transition: background .1s; } }
`;
