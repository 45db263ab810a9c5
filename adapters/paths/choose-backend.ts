// Which backend a path gets: io_uring where the kernel lets us, else node:fs in a child process. Both with a helper process
// for what has no asynchronous form.
import { childBackend } from '../child/backend.ts'
import type { Helper } from '../helper/helper.ts'
import type { Clock, IoBackend, Turns } from '../ports.ts'
import { inFlightLimit, probeDescriptor, probeUring, readQueue, uringBackend } from '../uring/index.ts'
import type { DeviceTakes, QueueFacts, UringProbe } from '../uring/index.ts'

/** What a choice depends on. */
export interface BackendNeeds {
  readonly clock: Clock
  readonly turns: Turns
  /** The path's open descriptor. */
  readonly fd: number
  /** 'major:minor' of the block device it is; null for a plain file. */
  readonly number: string | null
  /** The path's helper: the backend closes it. */
  readonly helper: Helper
  /** Default {@link probeUring}. */
  readonly probe?: () => UringProbe
}

/** A backend for one path, and one line that says why it is this one. */
export interface BackendChoice {
  readonly backend: IoBackend & { close(): Promise<void> }
  readonly why: string
}

/**
 * Chooses and opens the backend of one path: io_uring, else child-fs, and never `fs`, of which a hung I/O would keep the
 * process from exiting. Starts no I/O on the device. `why` is for the log and for the ledger.
 */
export function chooseBackend(needs: BackendNeeds): BackendChoice {
  const probe = (needs.probe ?? probeUring)()
  if (!probe.available) return childChoice(needs, probe.why ?? 'io_uring is not available')
  const on = probeDescriptor(needs.fd)
  if (!on.nowait) return childChoice(needs, 'its filesystem has no reads and writes that do not wait')
  return uringChoice(needs, probe.commands && on.discard)
}

function uringChoice({ clock, turns, number, helper }: BackendNeeds, discards: boolean): BackendChoice {
  const queueNow = () => (number === null ? null : readQueue(number))
  const takes = (queue: QueueFacts | null): DeviceTakes => ({
    inFlightMax: inFlightLimit(queue),
    transferBytesMax: queue?.transferBytesMax ?? Infinity,
    discardBytesMax: discards ? (queue?.discardBytesMax ?? 0) : 0,
  })
  const limitsNow = () => {
    const queue = queueNow()
    return queue === null ? null : takes(queue)
  }
  const atFirst = takes(queueNow())
  const { inFlightMax } = atFirst
  const backend = uringBackend(
    { clock, turns, helper: helper.backend, limitsNow },
    { ...atFirst, again: number === null ? 'helper' : 'queueFull' },
  )
  return {
    backend,
    why: `io_uring is available; at most ${inFlightMax} in flight; discard ${discards ? 'on the ring' : 'by the helper'}`,
  }
}

function childChoice({ clock, helper }: BackendNeeds, why: string): BackendChoice {
  const child = childBackend({ clock })
  return {
    backend: {
      ...child,
      // A hung one of these is given up on in time, and takes no read or write with it.
      submit: (fd, request, done) => {
        const moves = request.op === 'read' || request.op === 'write'
        ;(moves ? child : helper.backend).submit(fd, request, done)
      },
      close: async () => {
        await Promise.all([child.close(), helper.close()])
      },
    },
    why: `node:fs in a child process: ${why}`,
  }
}
