// An incident as one self-contained HTML page: no script, no font, no picture. Everything on it came out of logs,
// which anybody may have written to, so all of it is escaped.
import type { Incident } from '../../doors/audit.ts'
import { sectionsOf, titleOf } from './incident-text.ts'

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text as it may stand anywhere in a page. Control characters and marks that turn text round are shown as what they are. */
export function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"']/g, (one) => ESCAPES[one] ?? one)
    .replace(
      /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
      (one) => `\\u${one.codePointAt(0)?.toString(16).padStart(4, '0') ?? ''}`,
    )
}

const STYLE =
  'body{font:15px/1.45 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c;background:#fff}' +
  'h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}' +
  'td{padding:.25rem .6rem .25rem 0;vertical-align:top;border-bottom:1px solid #ddd}' +
  'td:last-child{color:#555}@media print{body{margin:0}}' +
  '@media(prefers-color-scheme:dark){body{color:#e4e4e4;background:#161616}td{border-color:#3a3a3a}td:last-child{color:#aaa}}'

/** The page. */
export function incidentPage(found: Incident): string {
  const title = escapeHtml(titleOf(found))
  const sections = sectionsOf(found).map(({ title: heading, rows }) => {
    const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`)
    return `<h2>${escapeHtml(heading)}</h2>\n<table>\n${body.join('\n')}\n</table>`
  })
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${title}</h1>
${sections.join('\n')}
</body>
</html>
`
}
