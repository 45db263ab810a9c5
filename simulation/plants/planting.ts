// What planted bugs are made of: a method replaced and put back, an effect or an event that is lost, a completion that is heard
// otherwise.
import { wrapPath } from '../../adapters/filters/wrap.ts'
import type { IoCompletion, IoDone, IoRequest, PathDevice } from '../../adapters/ports.ts'
import type { Effect } from '../../machines/effects.ts'
import type { LunStore, ReservationStore } from '../../store/lun/types.ts'
import { Recorder } from '../../engine/ledger/recorder.ts'
import { Stream, type StreamStep } from '../../engine/ledger/stream.ts'

/** An event that reaches no ledger, and whose gate is open. */
export const NEVER = { eventId: 'never', durable: true }

/** Replaces a method; returns the way back. */
export function patched<Target extends object, Name extends keyof Target>(
  target: Target,
  name: Name,
  make: (original: Target[Name]) => Target[Name],
): () => void {
  const original = target[name]
  target[name] = make(original)
  return () => {
    target[name] = original
  }
}

/** Changes what machines ask of the engine. */
export function effects(change: (effect: Effect) => Effect | null): () => void {
  return patched(Stream.prototype, 'record', (record) => {
    return function (this: Stream, ...given) {
      const step = record.apply(this, given)
      return { ...step, effects: step.effects.map(change).filter((effect) => effect !== null) }
    }
  })
}

/** One of the things that machines ask for is never done. */
export function without(type: Effect['type']): () => void {
  return effects((effect) => (effect.type === type ? null : effect))
}

/** Events of a type are decided and acted on, and reach no ledger. */
export function notRecorded(type: string): () => void {
  return patched(Recorder.prototype, 'add', (add) => {
    return function (this: Recorder, ...given) {
      return given[0].type === type ? NEVER : add.apply(this, given)
    }
  })
}

/** An event that is neither decided nor recorded. */
export const NOT_HEARD: StreamStep = { recorded: NEVER, effects: [], refused: false }

/** The engine hears every nth completion of a path otherwise. */
export function heard(
  inner: PathDevice,
  n: number,
  otherwise: (completion: IoCompletion, done: IoDone) => void,
): PathDevice {
  const strikes = everyNth(n)
  return wrapPath(inner, (request: IoRequest, done: IoDone) => {
    inner.submit(request, (completion) => {
      if (strikes()) otherwise(completion, done)
      else done(completion)
    })
  })
}

export function withReservations(
  inner: LunStore,
  change: (store: ReservationStore) => ReservationStore,
): LunStore {
  return { ...inner, reservations: change(inner.reservations) }
}

export async function same(): Promise<{ same: true }> {
  return { same: true }
}

/** True with every nth call. */
export function everyNth(n: number): () => boolean {
  let count = 0
  return () => {
    count += 1
    return count % n === 0
  }
}
