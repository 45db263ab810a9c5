// The planted bugs, by name: what an engine with the bug does. Those of a port are around the port; those of a class change it
// while a seed runs, and only then. docs/simulator.md says which check finds each, and with which seed.
import { wrapPath } from '../../adapters/filters/wrap.ts'
import { PathledgerError } from '../../errors.ts'
import { registerNexus } from '../../machines/reservation/rules.ts'
import { Bio } from '../../engine/io/bio.ts'
import { HeadIo } from '../../engine/io/head-io.ts'
import { LunState } from '../../engine/lun/lun-state.ts'
import { PathRuntime } from '../../engine/heads/runtime.ts'
import { BufferPool, type PoolBlock } from '../../engine/memory/pool.ts'
import { Recorder } from '../../engine/ledger/recorder.ts'
import { Registry } from '../../engine/attach/registry.ts'
import { Waiters } from '../../engine/io/waiters.ts'
import { Stream } from '../../engine/ledger/stream.ts'
import { LEDGER_STALL_US } from '../world/mix.ts'
import {
  effects,
  everyNth,
  heard,
  NOT_HEARD,
  notRecorded,
  patched,
  same,
  without,
  withReservations,
} from './planting.ts'
import { NO_PLANT, type Plant } from '../world/plant.ts'
import { FLUSH_PLANTS } from './flush-plants.ts'
import { COMPLETION_PLANTS } from './completion-plants.ts'
import { STORAGE_PLANTS } from './storage-plants.ts'

/** A planted bug with what it is. */
export interface NamedPlant extends Plant {
  readonly what: string
}

export const PLANTS: Readonly<Record<string, NamedPlant>> = {
  noGhostGuard: { what: 'newer writes do not wait for a ghost that they overlap', guardsOff: true },
  errorTakenAsProof: {
    what: 'an error of any path proves that nothing lands after it',
    errorsAreFinal: true,
  },
  counterLeakedOnRequeue: {
    what: 'a bio that is parked stays counted on the path that refused it',
    patch: () =>
      patched(Waiters.prototype, 'add', (add) => {
        return function (this: Waiters, ...given) {
          const from = given[0].refusals.at(-1)?.path
          if (given[1] === 'path' && from !== undefined) from.inFlight += 1
          add.apply(this, given)
        }
      }),
  },
  cacheNotCleared: {
    what: 'what selection has cached of a path is not renewed when it fails',
    patch: () =>
      patched(PathRuntime.prototype, 'refresh', (refresh) => {
        return function (this: PathRuntime) {
          const before = this.disabled
          refresh.call(this)
          if (this.value.health === 'failed') this.disabled = before
        }
      }),
  },
  foreignEndUnseen: {
    what: 'nobody looks whether another engine has ended the ghost that a write waits for',
    luns: (inner) => ({ ...inner, onChange: () => undefined }),
    patch: () => patched(LunState.prototype, 'tend', () => () => undefined),
  },
  wakeUpLost: { what: 'parked I/O is not woken when a path comes back', patch: () => without('wakeRequeue') },
  probeSkipped: { what: 'a path that is to be probed is not', patch: () => without('probe') },
  timerNotCancelled: {
    what: 'a timer that is cancelled fires all the same',
    patch: () => without('cancelTimer'),
  },
  removalDelayIgnored: {
    what: 'a head without paths is removed at once',
    patch: () => effects((effect) => (effect.timer === 'removal' ? { ...effect, dueUs: 0 } : effect)),
  },
  eventAfterEffect: {
    what: 'a gate is open before its event is durable',
    patch: () =>
      patched(Recorder.prototype, 'whenDurable', () => (_recorded, then) => {
        then(null)
      }),
  },
  eventLost: {
    what: 'a change of an access state does not reach the ledger',
    patch: () => notRecorded('path.accessChanged'),
  },
  recoveryNotRecorded: {
    what: 'what is taken up at a start is not recorded',
    patch: () => notRecorded('head.recovered'),
  },
  decisionMiswritten: {
    what: 'the ledger keeps another decision than was taken',
    ledger: (inner) => ({
      ...inner,
      append: (append) => {
        const events = append.events.map((event) =>
          event.type === 'path.failed'
            ? { ...event, decision: event.decision.replace('"failed"', '"online"') }
            : event,
        )
        return inner.append({ ...append, events })
      },
    }),
  },
  flushRetriedUntilOk: {
    what: 'a flush that failed is sent again until it is well',
    device: (inner) =>
      wrapPath(inner, (request, done) => {
        const send = (left: number) => {
          inner.submit(request, (completion) => {
            if (request.op === 'flush' && completion.errno !== null && left > 0) send(left - 1)
            else done(completion)
          })
        }
        send(3)
      }),
  },
  ...FLUSH_PLANTS,
  identityNotProved: {
    what: 'a path that returns is not asked whether it is still the device that was added',
    device: (inner) =>
      Object.defineProperty(
        heard(inner, 1, (completion, done) => done(completion)),
        'identify',
        { value: same },
      ),
  },
  completionLost: {
    what: 'one completion in fifty is not heard',
    device: (inner) => heard(inner, 50, () => undefined),
  },
  completedTwice: {
    what: 'one completion in thirty is taken twice',
    device: (inner) =>
      heard(inner, 30, (completion, done) => {
        done(completion)
        done(completion)
      }),
  },
  callerToldTwice: {
    what: 'a caller hears of the end of their I/O twice',
    patch: () =>
      patched(HeadIo.prototype, 'submit', (submit) => {
        return function (this: HeadIo, io) {
          const { done } = io
          const twice = (error: PathledgerError | null) => {
            done(error)
            done(error)
          }
          submit.call(this, Object.assign(io, { done: twice }))
        }
      }),
  },
  submitThrows: {
    what: 'an error of our own reaches the caller',
    patch: () => {
      const strikes = everyNth(60)
      return patched(HeadIo.prototype, 'submit', (submit) => {
        return function (this: HeadIo, io) {
          if (strikes()) throw new TypeError('planted')
          submit.call(this, io)
        }
      })
    },
  },
  keyNotRegistered: {
    what: 'the key is not registered on a path that returns',
    luns: (inner) =>
      withReservations(inner, (store) => ({
        ...store,
        request: async (asked) => {
          if (asked.kind !== 'registerNexus') return store.request(asked)
          const { epoch, state } = store.read()
          return { status: 'GOOD', epoch, before: state, state: registerNexus(state, asked), changed: true }
        },
      })),
  },
  preemptDoesNotWait: {
    what: 'a preempt is GOOD before the others have let go',
    luns: (inner) => withReservations(inner, (store) => ({ ...store, engines: () => [] })),
  },
  recoveryForgetsGhosts: {
    what: 'a start does not take up what the last run left',
    luns: (inner) => ({ ...inner, load: () => ({ ghosts: [], attachments: [], ended: [] }) }),
  },
  poisonIgnored: {
    what: 'which path has refused an I/O is forgotten',
    patch: () => patched(Bio.prototype, 'refuse', () => () => undefined),
  },
  holdOrderBroken: {
    what: 'what waits goes in the order in which it came last, and a younger write does not look for older ones',
    patch: () => {
      const undo = patched(Waiters.prototype, 'aheadOf', () => () => null)
      const undoOrder = patched(Waiters.prototype, 'inOrder', (inOrder) => {
        return function (this: Waiters, reasons) {
          return inOrder.call(this, reasons).reverse()
        }
      })
      return () => {
        undoOrder()
        undo()
      }
    },
  },
  olderNotAwaited: {
    what: 'a younger write does not wait for an older one that it overlaps and that waits',
    patch: () => patched(Waiters.prototype, 'aheadOf', () => () => null),
  },
  memoryGivenBackEarly: {
    what: 'the memory of a write is used again while a hung path still has it',
    patch: () => {
      const given = new WeakSet<PoolBlock>()
      return patched(BufferPool.prototype, 'release', (release) => {
        return function (this: BufferPool, block: PoolBlock) {
          if (given.delete(block)) return
          if (block.holders > 1) given.add(block)
          block.holders = 1
          release.call(this, block)
        }
      })
    },
  },
  standbyTakenForUsable: {
    what: 'a path in standby is taken for one that is usable',
    patch: () =>
      patched(PathRuntime.prototype, 'refresh', (refresh) => {
        return function (this: PathRuntime) {
          refresh.call(this)
          const { access, device, health, admin } = this.value
          const well = device === 'running' && health === 'online' && admin === 'enabled'
          if (well && access === 'standby') this.disabled = false
        }
      }),
  },
  headNotTold: {
    what: 'now and then a head does not hear what its paths come to',
    patch: () => {
      const strikes = everyNth(4)
      return patched(Stream.prototype, 'record', (record) => {
        return function (this: Stream, ...given) {
          if (given[0] !== 'head.pathsChanged' || !strikes()) return record.apply(this, given)
          return NOT_HEARD
        }
      })
    },
  },
  queueNeverEmpties: {
    what: 'bytes that were queued are never given back',
    patch: () => {
      const bytes = new WeakMap<Waiters, number>()
      const undo = patched(Waiters.prototype, 'add', (add) => {
        return function (this: Waiters, ...given) {
          if (given[1] === 'ghost') bytes.set(this, (bytes.get(this) ?? 0) + given[0].length)
          add.apply(this, given)
        }
      })
      const undoCount = patched(Waiters.prototype, 'count', (count) => {
        return function (this: Waiters, reasons) {
          const counted = count.call(this, reasons)
          return reasons.includes('ghost') ? { ...counted, bytes: bytes.get(this) ?? 0 } : counted
        }
      })
      return () => {
        undoCount()
        undo()
      }
    },
  },
  timerLeftBehind: {
    what: 'the time limit of a record stays armed when the record is there',
    clock: (inner) => ({
      ...inner,
      setTimer: (dueUs, fire) => {
        const timer = inner.setTimer(dueUs, fire)
        return dueUs - inner.monoUs() === LEDGER_STALL_US ? { cancel: () => undefined } : timer
      },
    }),
  },
  readErrorSwallowed: {
    what: 'a read that its path refuses is done, with whatever its memory holds',
    device: (inner) =>
      wrapPath(inner, (request, done) => {
        inner.submit(request, (completion) => {
          const isRefused =
            request.op === 'read' && completion.errno !== null && completion.errno !== 'EAGAIN'
          done(isRefused ? { errno: null, status: null, bytes: request.length } : completion)
        })
      }),
  },
  pullNotHeeded: {
    what: 'I/O of callers goes down a path that its operator has disabled',
    patch: () => {
      const pulled = new Set<PathRuntime>()
      const undo = [
        patched(PathRuntime.prototype, 'refresh', (refresh) => {
          return function (this: PathRuntime) {
            refresh.call(this)
            const { device, health, admin } = this.value
            const isPulled = admin === 'disabled' && device === 'running' && health === 'online'
            if (isPulled) pulled.add(this)
            else pulled.delete(this)
          }
        }),
        patched(HeadIo.prototype, 'submit', (submit) => {
          return function (this: HeadIo, io) {
            for (const path of pulled) path.disabled = false
            submit.call(this, io)
            for (const path of pulled) path.disabled = true
          }
        }),
      ]
      return () => undo.forEach((back) => back())
    },
  },
  recoveryNotHeard: {
    what: 'a probe that went well is not heard: its path does not come back',
    patch: () =>
      patched(Stream.prototype, 'record', (record) => {
        return function (this: Stream, ...given) {
          return given[0] === 'path.probeSucceeded' ? NOT_HEARD : record.apply(this, given)
        }
      }),
  },
  activeTakenForOptimal: {
    what: 'a path whose access state is active is taken for an optimal one',
    patch: () => {
      const getter = Object.getOwnPropertyDescriptor(Stream.prototype, 'state')
      Object.defineProperty(Stream.prototype, 'state', {
        configurable: true,
        get(this: Stream) {
          const state = getter?.get?.call(this) as Stream['state']
          const { value } = state
          const isActive = typeof value === 'object' && value['access'] === 'active'
          return isActive ? { ...state, value: { ...value, access: 'optimal' } } : state
        },
      })
      return () => {
        if (getter !== undefined) Object.defineProperty(Stream.prototype, 'state', getter)
      }
    },
  },
  namesGivenAnew: {
    what: 'a head that a start takes up gets another name than it had',
    patch: () =>
      patched(Registry.prototype, 'makeHead', (makeHead) => {
        return function (this: Registry, facts) {
          const entry = makeHead.call(this, facts)
          const { runtime } = entry
          if (runtime.context.present) Object.assign(runtime, { name: `${runtime.name}a` })
          return entry
        }
      }),
  },
  requestMalformed: {
    what: 'one I/O in forty is asked for in a way that the kernel does not take',
    device: (inner) =>
      heard(inner, 40, (_completion, done) => done({ errno: 'EINVAL', status: null, bytes: 0 })),
  },
  ...COMPLETION_PLANTS,
  ...STORAGE_PLANTS,
}

/** Throws PLANT_UNKNOWN. */
export function plantNamed(name: string | null): Plant {
  if (name === null) return NO_PLANT
  const plant = Object.hasOwn(PLANTS, name) ? PLANTS[name] : undefined
  if (plant !== undefined) return plant
  throw new PathledgerError('PLANT_UNKNOWN', {
    message: `There is no planted bug '${name}'.`,
    why: `There are ${Object.keys(PLANTS).join(', ')}.`,
    todo: 'Use one of these names.',
  })
}
