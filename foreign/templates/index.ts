// All templates, and which one a line fits. The first that fits is taken; there is no nearest.
import { BLOCK_TEMPLATES } from './kernel-block.ts'
import { NVME_TEMPLATES } from './kernel-nvme.ts'
import { SCSI_TEMPLATES } from './kernel-scsi.ts'
import { ISCSID_TEMPLATES, TRANSPORT_TEMPLATES } from './kernel-transports.ts'
import { CHECKER_TEMPLATES } from './multipathd-checker.ts'
import { MAP_TEMPLATES } from './multipathd-maps.ts'
import { MULTIPATHD_NOISE } from './multipathd-noise.ts'
import { SYSTEM_TEMPLATES } from './system.ts'
import type { Template, Writer } from './template.ts'
import type { Line, Statement } from '../types.ts'

/** Changes when a template is added or means something else: what a source was read with is on its row. */
export const TEMPLATE_SET = 1

export const TEMPLATES: readonly Template[] = [
  ...[...CHECKER_TEMPLATES, ...MAP_TEMPLATES, ...MULTIPATHD_NOISE, ...ISCSID_TEMPLATES, ...SYSTEM_TEMPLATES],
  ...[...BLOCK_TEMPLATES, ...SCSI_TEMPLATES, ...TRANSPORT_TEMPLATES, ...NVME_TEMPLATES],
]

const BY_WRITER = new Map<Writer, readonly Template[]>(
  (['multipathd', 'kernel', 'iscsid', 'system'] as const).map((writer) => [
    writer,
    TEMPLATES.filter(({ of }) => of === writer),
  ]),
)

const WRITERS: ReadonlyMap<string, Writer> = new Map<string, Writer>([
  ...(['multipathd', 'multipath'] as const).map((name): [string, Writer] => [name, 'multipathd']),
  ...[['kernel', 'kernel'] as [string, Writer], ['iscsid', 'iscsid'] as [string, Writer]],
  ...[
    'systemd',
    'systemd-logind',
    'systemd-shutdown',
    'systemd-journald',
    'journald',
    'rsyslogd',
    'rsyslogd-2177',
  ].map((name): [string, Writer] => [name, 'system']),
  ...['chronyd', 'systemd-timesyncd', 'sudo', 'systemd-journal', 'imjournal'].map(
    (name): [string, Writer] => [name, 'system'],
  ),
])

/** Kernel lines that speak of storage: what none of our templates fits among them was not understood. */
const STORAGE =
  /^(?:sd \d|scsi \d|\S+:\d+ |device-mapper: multipath|block nvme|nvme |rport-|connection\d|session\d|qla2xxx \[|lpfc |mpt[23]sas|blk_update_request|print_req_error|end_request)/

/** What a line says: a statement, known noise, nothing that concerns us, or nothing that we understand. */
export type Reading =
  | { readonly kind: 'statement'; readonly statement: Statement }
  | { readonly kind: 'noise'; readonly template: string }
  | { readonly kind: 'unread' }

const OTHER_PROGRAM: Reading = { kind: 'noise', template: 'other program' }
const OTHER_KERNEL: Reading = { kind: 'noise', template: 'kernel: of no device' }
const UNREAD: Reading = { kind: 'unread' }
const NO_FIELDS: Readonly<Record<string, string>> = {}

/** Reads the text of a line with the templates of its writer. */
export function read(line: Line): Reading {
  if (line.program === null) return line.text.trim() === '' ? { kind: 'noise', template: 'empty' } : UNREAD
  const writer = WRITERS.get(line.program)
  if (writer === undefined) return OTHER_PROGRAM
  const text = textOf(line, writer)
  for (const template of BY_WRITER.get(writer) ?? []) {
    if (!text.includes(template.has)) continue
    const match = template.pattern.exec(text)
    if (match !== null) return fit(template, match)
  }
  return unfit(writer, text)
}

function textOf(line: Line, writer: Writer): string {
  const text = line.text.replace(/[\r\n]+$/, '')
  if (writer === 'kernel') return text.trimStart()
  // The program's own word may stand twice.
  if (writer === 'iscsid' && text.startsWith('iscsid: ')) return text.slice('iscsid: '.length)
  return text
}

function fit(template: Template, match: RegExpExecArray): Reading {
  if (template.says === 'noise') return { kind: 'noise', template: template.id }
  const fields =
    match.groups === undefined && template.with === undefined ? NO_FIELDS : found(match, template)
  return { kind: 'statement', statement: { template: template.id, says: template.says, fields } }
}

function found(match: RegExpExecArray, template: Template): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const [name, value] of Object.entries(match.groups ?? {})) {
    // A second spelling of a name in one pattern ends in a digit.
    if ((value as string | undefined) !== undefined) fields[name.replace(/2$/, '')] = value
  }
  return template.with === undefined ? fields : { ...fields, ...template.with }
}

function unfit(writer: Writer, text: string): Reading {
  if (writer === 'system') return OTHER_PROGRAM
  if (writer === 'kernel' && !STORAGE.test(text)) return OTHER_KERNEL
  return text.trim() === '' ? { kind: 'noise', template: 'empty' } : UNREAD
}
