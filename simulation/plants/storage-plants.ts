// The planted bugs of the storage that the engines of a LUN share: what is not noticed when it hangs, is lost, or comes anew.
import { GhostBook } from '../../engine/lun/ghost-book.ts'
import { LUN_STALL_US } from '../world/mix.ts'
import type { Plant } from '../world/plant.ts'
import { patched } from './planting.ts'

export const STORAGE_PLANTS: Readonly<Record<string, Plant & { readonly what: string }>> = {
  storageDeadlineIgnored: {
    what: 'what is asked of the storage of a LUN has no time limit',
    clock: (inner) => ({
      ...inner,
      setTimer: (dueUs, fire) =>
        dueUs - inner.monoUs() === LUN_STALL_US ? { cancel: () => undefined } : inner.setTimer(dueUs, fire),
    }),
  },
  storageLossUnheard: {
    what: 'an engine whose LUN lost its storage goes on',
    luns: (inner) => ({ ...inner, onLost: () => undefined }),
  },
  ledgerGhostsForgotten: {
    what: 'ghosts that the ledger alone knows are not taken up',
    patch: () => patched(GhostBook.prototype, 'takeUp', () => () => undefined),
  },
  busyTakenForLetGo: {
    what: 'what an engine left that is dead counts as given back while another program has its device open',
    patch: () =>
      patched(GhostBook.prototype, 'openWhole', (openWhole) => {
        return function (this: GhostBook, attach, length) {
          return openWhole.call(this, attach, length, true)
        }
      }),
  },
}
