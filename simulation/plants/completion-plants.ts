// The planted bugs of completions that come to the wrong one.
import { wrapPath } from '../../adapters/filters/wrap.ts'
import type { IoDone } from '../../adapters/ports.ts'
import type { VirtualClock } from '../../adapters/virtual-clock.ts'
import type { Plant } from '../world/plant.ts'

export const COMPLETION_PLANTS: Readonly<Record<string, Plant & { readonly what: string }>> = {
  oldCompletionTaken: {
    what: 'a completion of a device that is gone is taken for the I/O of that tag on the one that came after it',
    device: tagged(),
  },
}

/** The I/Os of each place have tags, the lowest that is free, from 0 again with each device in it. */
function tagged(): NonNullable<Plant['device']> {
  const places = new WeakMap<VirtualClock, Map<string, Map<number, IoDone>>>()
  return (inner, clock) => {
    const open = new Map<number, IoDone>()
    const inPlace = places.get(clock) ?? new Map<string, Map<number, IoDone>>()
    places.set(clock, inPlace.set(inner.hctl, open))
    return wrapPath(inner, (request, done) => {
      let tag = 0
      while (open.has(tag)) tag += 1
      open.set(tag, done)
      inner.submit(request, (completion) => {
        const now = inPlace.get(inner.hctl) ?? open
        const waiting = now.get(tag) ?? done
        now.delete(tag)
        waiting(completion)
      })
    })
  }
}
