// The planted bugs of flushes and force unit access: what says ok and is not on the medium.
import { wrapPath } from '../../adapters/filters/wrap.ts'
import type { Bio } from '../../engine/io/bio.ts'
import { Flushes, FlushRun } from '../../engine/io/flushes.ts'
import { WriteCaches } from '../../engine/lun/write-caches.ts'
import type { PathledgerError } from '../../errors.ts'
import type { Plant } from '../world/plant.ts'
import { patched } from './planting.ts'

export const FLUSH_PLANTS: Readonly<Record<string, Plant & { readonly what: string }>> = {
  failedFlushCleansPath: {
    what: 'a flush that failed leaves its path as if it had been well',
    patch: () =>
      patched(Flushes.prototype, 'bioDone', (bioDone) => {
        return function (this: Flushes, bio: Bio, error: PathledgerError | null) {
          if (error !== null) bio.cache?.cover(bio.cache.acknowledged)
          bioDone.call(this, bio, error)
        }
      }),
  },
  drainedFlushLosesMark: {
    what: 'a flush that is drained while it waits takes with it what its path has acknowledged',
    patch: () =>
      patched(Flushes.prototype, 'bioDone', (bioDone) => {
        return function (this: Flushes, bio: Bio, error: PathledgerError | null) {
          if (error?.code === 'DRAINED') bio.cache?.cover(bio.cache.acknowledged)
          bioDone.call(this, bio, error)
        }
      }),
  },
  writeDoesNotMark: {
    what: 'it is not noted through which path a write was acknowledged',
    patch: () => patched(WriteCaches.prototype, 'acknowledge', () => () => undefined),
  },
  oneFlushSpeaksForAll: {
    what: 'a flush reaches one cache of several, and says ok',
    patch: () =>
      patched(Flushes.prototype, 'toCover', (toCover) => {
        return function (this: Flushes) {
          return toCover.call(this).slice(0, 1)
        }
      }),
  },
  secondFlushJoinsEarly: {
    what: 'a flush waits for one that was sent before what it is to cover was acknowledged',
    patch: () =>
      patched(FlushRun.prototype, 'covers', () => {
        return function (this: FlushRun) {
          return !this.bio.ended
        }
      }),
  },
  fuaDropped: {
    what: 'force unit access does not reach the device',
    device: (inner) => wrapPath(inner, (request, done) => inner.submit({ ...request, fua: false }, done)),
  },
}
