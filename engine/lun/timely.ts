// The LUN's storage, with a deadline for everything that is asked of it. What it has not answered by then fails with
// LUN_STORAGE_STALLED, and as long as that is not answered everything else fails at once: nobody waits for it in turn.
import { PathledgerError } from '../../errors.ts'
import type { LunStore } from '../../store/lun/types.ts'
import { usOfMs, type Core } from '../core/core.ts'

type DeadlineCore = Pick<Core, 'clock' | 'settings'>

/** Asks with a deadline. */
export interface Deadline {
  <Value>(what: string, ask: () => Promise<Value>): Promise<Value>
}

/** Makes the deadline of one storage: `lunStallMs`. */
export function deadlineOf({ clock, settings }: DeadlineCore): Deadline {
  /** Questions whose time is over and that have no answer. */
  let overdue = 0
  return (what, ask) => {
    const stalled = () => stalledError(what, settings.lunStallMs)
    // It is asked all the same: what is written must reach the storage when it is well again.
    const asked = ask()
    if (overdue > 0) {
      asked.catch(() => undefined)
      return Promise.reject(stalled())
    }
    return new Promise((resolve, reject) => {
      let late = false
      const timer = clock.setTimer(clock.monoUs() + usOfMs(settings.lunStallMs), () => {
        late = true
        overdue += 1
        reject(stalled())
      })
      const ended = () => {
        timer.cancel()
        if (late) overdue -= 1
      }
      asked.then(
        (value) => {
          ended()
          resolve(value)
        },
        (error: unknown) => {
          ended()
          reject(error instanceof Error ? error : new Error(String(error)))
        },
      )
    })
  }
}

/** The same storage, whose promises keep the deadline. */
export function timely(store: LunStore, within: Deadline): LunStore {
  const { reservations: inner } = store
  return {
    id: store.id,
    fresh: store.fresh,
    groups: store.groups,
    load: () => store.load(),
    media: () => store.media?.() ?? [],
    changed: () => store.changed(),
    isAlive: (engine) => store.isAlive(engine),
    onChange: (listener) => store.onChange(listener),
    onLost: (listener) => store.onLost(listener),
    catchUp: () => within('what other engines wrote', () => store.catchUp()),
    openGhosts: (ghosts) => within('a ghost', () => store.openGhosts(ghosts)),
    endGhosts: (ids, by) => within('the end of a ghost', () => store.endGhosts(ids, by)),
    forgetEnded: (ids) => within('the end of a ghost', () => store.forgetEnded(ids)),
    attach: (attachment, medium) => within('an attach', () => store.attach(attachment, medium)),
    detach: (attach) => within('the end of an attach', () => store.detach(attach)),
    join: (engine, initiator) => within('an engine', () => store.join(engine, initiator)),
    isLetGo: (device, key) => within(`a look at ${device}`, () => store.isLetGo(device, key)),
    close: () => within('its end', () => store.close()),
    reservations: {
      word: () => inner.word(),
      read: () => inner.read(),
      readNow: () => inner.readNow(),
      engines: () => inner.engines(),
      isAlive: (engine) => inner.isAlive(engine),
      onChange: (listener) => inner.onChange(listener),
      catchUp: () => within('what other engines wrote', () => inner.catchUp()),
      request: (request) => within('a reservation', () => inner.request(request)),
      acknowledge: (engine, epoch) => within('an acknowledgement', () => inner.acknowledge(engine, epoch)),
      leave: (engine) => within('the end of an engine', () => inner.leave(engine)),
    },
  }
}

function stalledError(what: string, limitMs: number): PathledgerError {
  return new PathledgerError('LUN_STORAGE_STALLED', {
    message: `The LUN's own storage did not take ${what} in time.`,
    why: `It has not answered for ${limitMs} ms (lunStallMs).`,
    todo: 'Look at the disk that holds it. What is sent may still reach it, and the I/O may have been done.',
    errno: 'ETIMEDOUT',
    outcome: 'unknown',
  })
}
