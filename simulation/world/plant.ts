// A planted bug: what it does to the ports of an engine, or to its classes while a seed runs.
import type { Clock, PathDevice } from '../../adapters/ports.ts'
import type { VirtualClock } from '../../adapters/virtual-clock.ts'
import type { LedgerStore } from '../../store/types.ts'
import type { LunStore } from '../../store/lun/types.ts'

export interface Plant {
  /** The engine has no guard against ghosts. */
  readonly guardsOff?: boolean
  /** Every path declares it, whatever is so. */
  readonly errorsAreFinal?: boolean
  /** What the engine gets instead of a device. */
  readonly device?: (inner: PathDevice, clock: VirtualClock) => PathDevice
  /** What it gets instead of its clock. */
  readonly clock?: (inner: Clock) => Clock
  /** What it gets instead of a LUN's storage. */
  readonly luns?: (inner: LunStore) => LunStore
  /** What it gets instead of its ledger. */
  readonly ledger?: (inner: LedgerStore) => LedgerStore
  /** Changes classes of the engine; returns the way back. */
  readonly patch?: () => () => void
}

/** An engine as it is. */
export const NO_PLANT: Plant = {}
