// Each backend of ours on an open descriptor, for the contract to run over.
import { childBackend } from '../../adapters/child/backend.ts'
import { fsBackend } from '../../adapters/fs-backend.ts'
import { pathHelper } from '../../adapters/helper/helper.ts'
import type { IoBackend } from '../../adapters/ports.ts'
import { systemClock, systemTurns } from '../../adapters/system.ts'
import { inFlightLimit, probeUring, uringBackend } from '../../adapters/uring/index.ts'
import type { QueueFacts } from '../../adapters/uring/index.ts'
import type { BackendDeclaration } from './backend-contract.ts'

const clock = systemClock

/** A backend, and how to make it. */
export interface BackendMaker {
  readonly declared: BackendDeclaration
  /** `queue` is that of the block device; null for a plain file. */
  make(fd: number, queue: QueueFacts | null): IoBackend
}

const FS: BackendMaker = {
  declared: { name: 'fs', isolatesExit: false, ranges: 'notSupported' },
  make: () => fsBackend(),
}

const CHILD: BackendMaker = {
  declared: { name: 'child-fs', isolatesExit: true, ranges: 'done' },
  make: () => childBackend({ clock }),
}

const URING: BackendMaker = {
  declared: { name: 'io_uring', isolatesExit: true, ranges: 'done' },
  make: (fd, queue) =>
    uringBackend(
      { clock, turns: systemTurns, helper: pathHelper({ clock, fd }).backend },
      {
        inFlightMax: inFlightLimit(queue),
        transferBytesMax: queue?.transferBytesMax ?? Infinity,
        discardBytesMax: queue?.discardBytesMax ?? 0,
        again: queue === null ? 'helper' : 'queueFull',
      },
    ),
}

/** Those that this machine can run: io_uring is the one that may be missing, and then `probeUring` says why. */
export const BACKENDS: readonly BackendMaker[] = probeUring().available ? [FS, CHILD, URING] : [FS, CHILD]
