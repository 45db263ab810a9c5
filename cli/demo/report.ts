// What a demo came to: the document for programs, and the page for people.
import { bytes, counted, figure, paint, table } from '../text.ts'
import type { Backend } from './devices.ts'

/** Fields are stable; new ones may be added. */
export interface DemoReport {
  readonly backend: Backend
  readonly paths: number
  readonly devices: readonly string[]
  readonly image: string
  readonly imageBytes: number
  readonly seconds: number
  readonly writes: number
  readonly reads: number
  readonly flushes: number
  readonly writeBytes: number
  readonly readBytes: number
  /** Blocks compared at the end, each through the head and again in the image. */
  readonly checked: number
  readonly lost: number
  readonly mismatched: number
  readonly callerErrors: number
  readonly failovers: number
  /** Times an I/O waited because no path was usable. */
  readonly requeued: number
  /** Times an I/O was sent again in full. */
  readonly resent: number
  readonly ledger: LedgerReport
  /** What went wrong first, in the words of the error that the program got. */
  readonly firstError?: string
}

export interface LedgerReport {
  readonly file: string
  readonly events: number
  readonly chain: string
  /** 'equal' when re-deciding from the inputs came to the live state at every position. */
  readonly replay: string
  /** What is wrong with it, and at which position. */
  readonly why?: string
  readonly firstBad?: number
}

/** True when nothing was lost and the record holds. */
export function isGood({ lost, mismatched, callerErrors, ledger }: DemoReport): boolean {
  return lost + mismatched + callerErrors === 0 && ledger.chain === 'ok' && ledger.replay === 'equal'
}

export interface PageSettings {
  readonly allAwayAt: number | null
  /** How pathledger is called here. */
  readonly command: string
  readonly color: boolean
}

/** The page for people. */
export function describeReport(report: DemoReport, settings: PageSettings): string {
  const { bold, dim, good, bad } = paint(settings.color)
  const { ledger } = report
  const zero = (value: number): string => (value === 0 ? good('0') : bad(figure(value)))
  const rows = [
    [
      'written',
      figure(report.writes),
      `I/Os, ${bytes(report.writeBytes)}, and ${counted(report.flushes, 'flush', 'flushes')}`,
    ],
    ['read', figure(report.reads), `I/Os, ${bytes(report.readBytes)}, every block compared`],
    ['checked', figure(report.checked), 'blocks at the end, through the head and again in the image'],
    [],
    ['failovers', figure(report.failovers), 'times a path failed and its I/O went elsewhere'],
    ['sent again', figure(report.resent), 'I/Os, in full'],
    ['waited', figure(report.requeued), 'I/Os, while no path was left'],
    [],
    ['lost', zero(report.lost), 'blocks'],
    ['mismatched', zero(report.mismatched), 'blocks'],
    ['errors', zero(report.callerErrors), 'that the program saw'],
  ]
  const aligned = rows.map(([name = '', value = '', what = '']) => [name, padLeft(value, 9), dim(what)])
  const medium = report.backend === 'loop' ? report.devices.join(' ') : `${report.image}, three times`
  const { firstError } = report
  return [
    '',
    `  ${bold(`${report.paths} paths`)} to one disk of ${bytes(report.imageBytes)}: ${medium}`,
    '',
    table(aligned, '    '),
    `  ${bold('ledger')}  ${ledger.file}`,
    `    ${counted(ledger.events, 'event')}, chain ${verdict(ledger.chain, 'ok')}, replay ${verdict(ledger.replay, 'equal')}` +
      (ledger.replay === 'equal' ? dim(' to the live state at every position') : ''),
    ...(ledger.why === undefined ? [] : [bad(`    position ${ledger.firstBad ?? '?'}: ${ledger.why}`)]),
    ...(firstError === undefined ? [] : [bad(`    the first error: ${firstError}`)]),
    '',
    isGood(report)
      ? good('  Nothing was lost, and the record says why each I/O went where it went.')
      : bad('  This is not as it has to be. Keep the ledger and report it.'),
    '',
    '  Look at it:',
    table(nextCommands(settings, ledger.file, dim), '    '),
    '',
  ].join('\n')

  function verdict(found: string, wanted: string): string {
    return found === wanted ? good(found) : bad(found)
  }
}

function nextCommands(
  { command, allAwayAt }: PageSettings,
  file: string,
  dim: (text: string) => string,
): string[][] {
  const commands = [
    [`${command} log ${file}`, 'what happened, line by line'],
    [`${command} audit failovers ${file}`, 'each failover, with its first evidence'],
    [`${command} verify ${file}`, 'is the record whole?'],
  ]
  const then = [`${command} show ${file} --at ${allAwayAt ?? '-3s'}`, 'the moment when no path was left']
  if (allAwayAt !== null) commands.splice(1, 0, then)
  return commands.map(([line = '', what = '']) => [line, dim(what)])
}

/** Pads a figure that may be coloured. */
function padLeft(text: string, width: number): string {
  const plain = text.replace(/\D*\[\d+m/g, '').length
  return plain === 0 ? text : ' '.repeat(Math.max(0, width - plain)) + text
}
