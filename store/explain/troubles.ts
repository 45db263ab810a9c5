// What a head's callers met that no path is to blame for, and what goes on at a head that serves: something has to be done.
import { regionOf, type History, type Told } from './history.ts'
import { pages } from '../pages.ts'
import type { Reason } from './reasons.ts'
import { REASONS } from './sentences.ts'
import { sizeTroubles } from './sizes.ts'

const OF_THE_LUN = [
  ...['lun.bioPoisoned', 'lun.flushFailed', 'lun.ioFailed', 'lun.holdExpired'],
  'lun.flushFellShort',
]

/** The last thing that callers met at a head and that no path was to blame for, or that still holds up their writes. */
export function headTrouble(history: History, head: string): Told | null {
  const created = history.of(head)[0]?.position ?? 0
  const lun = history.of(lunOf(head))
  return latest([
    lun.findLast(({ type }) => OF_THE_LUN.includes(type)) ?? null,
    history
      .of(head.replace(/^head\//, 'reservation/'))
      .findLast(({ type }) => type === 'reservation.conflict') ?? null,
    history
      .of('engine')
      .findLast(({ type, position }) => position > created && LEDGER_TROUBLES.includes(type)) ?? null,
  ])
}

/** The ledger took no events for a time: what needs its record waited, or failed. */
const LEDGER_TROUBLES = ['engine.ledgerDegraded', 'engine.ledgerRecovered', 'engine.proceededWithoutRecord']

/** What goes on now at a head, whether or not it serves through all its paths; what matters most first. */
export function standingTroubles(history: History, head: string): Reason[] {
  const wwid = head.slice('head/'.length)
  return [
    ...engineTroubles(history),
    ...openGhosts(history, head),
    ...sizeTroubles(history, wwid).slice(0, 1),
    ...groupsUnknown(history, head),
    ...refusedNow(history, wwid),
  ]
}

/** The engine broke, or its ledger takes no events: until the next event that says otherwise. */
function engineTroubles(history: History): Reason[] {
  const events = history.of('engine')
  const broke = events.findLast(({ type }) => /^engine\.(broke|started|stopped)$/.test(type))
  const ledger = events.findLast(({ type }) => /^engine\.ledger(Degraded|Recovered)$/.test(type))
  return [
    ...(broke?.type === 'engine.broke'
      ? [{ says: 'The engine has stopped itself, and serves nobody.', event: broke }]
      : []),
    ...(ledger?.type === 'engine.ledgerDegraded'
      ? [{ says: 'The ledger takes no events: what needs its record waits or fails.', event: ledger }]
      : []),
  ]
}

/** All attempts that may still land, counted, by the event of the first. */
function openGhosts(history: History, head: string): Reason[] {
  const events = history.of(lunOf(head))
  const ended = new Set(
    events.flatMap(({ data }) => (Array.isArray(data['ids']) ? (data['ids'] as string[]) : [])),
  )
  const open = events.flatMap((event) => {
    if (event.type !== 'lun.ghostsOpened') return []
    const ghosts = (event.data['ghosts'] as { id: string }[]).filter(({ id }) => !ended.has(id))
    return ghosts.length === 0 ? [] : [{ event, count: ghosts.length }]
  })
  const [first] = open
  if (first === undefined) return []
  const why = (data: Told['data']) => REASONS[String(data['reason'])] ?? String(data['reason'])
  const each = [
    ...new Set(open.map(({ event: { data } }) => `on ${String(data['path'])} may still land: ${why(data)}`)),
  ]
  const count = open.reduce((sum, one) => sum + one.count, 0)
  const says = `${count} attempt${count === 1 ? '' : 's'} ${each.join(', or ')}.`
  return [{ says: `${says} Newer writes over them wait.`, event: first.event }]
}

function groupsUnknown(history: History, head: string): Reason[] {
  const asked = history
    .of(lunOf(head))
    .filter(({ type }) => /^lun\.(reportFailed|groupsReported|groupsForgotten)$/.test(type))
  const last = asked.at(-1)
  if (last?.type !== 'lun.reportFailed') return []
  const from = asked.findLastIndex(({ type }) => type !== 'lun.reportFailed') + 1
  const event = asked[from] ?? last
  const says = `The target does not answer about its port groups: ${String(last.data['why'])}.`
  return [{ says, event }]
}

/** Devices that were refused as paths of this LUN, and are none by now. */
function refusedNow(history: History, wwid: string): Reason[] {
  const refused = history.ofType('engine.pathRefused').filter(({ data }) => data['wwid'] === wwid)
  const last = new Map(refused.map((event) => [String(event.data['hctl']), event]))
  return [...last.values()].flatMap((event) => {
    const path = history.lastOf(`path/${wwid}/${String(event.data['hctl'])}`)
    const isThere = path !== null && regionOf(path.decision.state, 'device') !== 'deleted'
    if (isThere) return []
    const { device, hctl, code } = event.data
    return [{ says: `${String(device)} was refused as path ${String(hctl)} of it: ${String(code)}.`, event }]
  })
}

/** What callers got since a position: how many errors by the head's samples, and which I/Os the ledger names. */
export function callersErrors(history: History, head: string, fromPosition: number): string | null {
  let errors = 0
  let samples = 0
  const query = { type: 'head.ioSampled', stream: head, fromPosition, toPosition: history.position }
  for (const page of pages(history.reader, query)) {
    for (const { data } of page) errors += (JSON.parse(data) as { callerErrors?: number }).callerErrors ?? 0
    samples += page.length
    if (samples >= SAMPLES_MAX) break
  }
  if (errors === 0) return null
  const named = history
    .of(lunOf(head))
    .filter(({ type, position }) => OF_THE_LUN.includes(type) && position >= fromPosition)
    .flatMap(({ data }) => (typeof data['bio'] === 'number' ? [data['bio']] : []))
  const which = named.length === 0 ? '' : `, among them I/O ${[...new Set(named)].slice(0, 8).join(', ')}`
  return `Its callers got ${errors} error${errors === 1 ? '' : 's'} from position ${fromPosition} on${which}.`
}

/** Samples that are added up for an answer: an hour and more of the default one a second. */
const SAMPLES_MAX = 5_000

function lunOf(head: string): string {
  return head.replace(/^head\//, 'lun/')
}

export function latest(events: readonly (Told | null)[]): Told | null {
  return events.reduce(
    (last, event) => (event !== null && event.position > (last?.position ?? 0) ? event : last),
    null,
  )
}
