// What a head's callers met that no path is to blame for.
import type { History, Told } from './history.ts'

const OF_THE_LUN = [
  ...['lun.bioPoisoned', 'lun.flushFailed', 'lun.ioFailed', 'lun.holdExpired'],
  ...['lun.writesLeft', 'lun.flushFellShort'],
]

/** The last thing that callers met at a head and that no path was to blame for, or that still holds up their writes. */
export function headTrouble(history: History, head: string): Told | null {
  const created = history.of(head)[0]?.position ?? 0
  const reserved = history.of(head.replace(/^head\//, 'reservation/'))
  return latest([
    lunTrouble(history, head),
    history.of(head).findLast(({ type }) => type === 'head.shrinkRefused') ?? null,
    reserved.findLast(({ type }) => type === 'reservation.conflict') ?? null,
    history
      .of('engine')
      .findLast(({ type, position }) => position > created && LEDGER_TROUBLES.includes(type)) ?? null,
  ])
}

/** The ledger took no events for a time: what needs its record waited, or failed. */
const LEDGER_TROUBLES = ['engine.ledgerDegraded', 'engine.ledgerRecovered', 'engine.proceededWithoutRecord']

function lunTrouble(history: History, head: string): Told | null {
  const events = history.of(head.replace(/^head\//, 'lun/'))
  const ended = new Set(
    events.flatMap(({ type, data }) => (type === 'lun.ghostsEnded' ? (data['ids'] as string[]) : [])),
  )
  const found = events.findLast(({ type, data }) => {
    if (type !== 'lun.ghostsOpened') return OF_THE_LUN.includes(type)
    return (data['ghosts'] as { id: string }[]).some(({ id }) => !ended.has(id))
  })
  return found ?? null
}

export function latest(events: readonly (Told | null)[]): Told | null {
  return events.reduce(
    (last, event) => (event !== null && event.position > (last?.position ?? 0) ? event : last),
    null,
  )
}
