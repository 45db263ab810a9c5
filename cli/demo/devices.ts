// Three ways to one image: loop devices where that is possible, else the file itself three times. Each behind a switch
// that makes it fail.
import { attachLoop, delayFilter, errorFilter, filePath, loopPath, systemClock } from '../../index.ts'
import type { Lun, PathDevice } from '../../index.ts'
import { PathledgerError } from '../../errors.ts'

export type Backend = 'loop' | 'file'

/** What can be done to a path behind the engine's back. */
export interface Fault {
  /** From now on every I/O gets EIO, after a moment in which more of them come. */
  fail(): void
  heal(): void
  /** The next write gets EIO, and nothing else. */
  failOneWrite(): void
}

/** A path that is not the engine's yet, and its switch. */
export interface SwitchedDevice {
  readonly device: PathDevice
  readonly fault: Fault
}

/** How long a bad path takes to say so, microseconds: real ones were seen to take some milliseconds. */
const ERROR_AFTER_US = 2_000

export interface Devices {
  readonly backend: Backend
  readonly all: readonly SwitchedDevice[]
}

const ADDRESSES = ['8:0:0:0', '9:0:0:0', '10:0:0:0']

type OpenOne = (hctl: string) => Promise<PathDevice>

/**
 * Opens three paths to `image`. With 'auto', loop devices that cannot be had are told to `explain`, and files are used.
 * Whatever was opened is closed again when one of the three cannot be.
 */
export async function openDevices(
  image: string,
  lun: Lun,
  wanted: Backend | 'auto',
  outside: { explain: (why: string) => void; signal: AbortSignal },
): Promise<Devices> {
  const byFile = async (): Promise<Devices> => ({
    backend: 'file',
    all: await openAll((hctl) => filePath(image, { lun, hctl })),
  })
  if (wanted === 'file') return byFile()
  try {
    if (wanted === 'auto' && process.getuid?.() !== 0) throw notRoot()
    return { backend: 'loop', all: await openAll((hctl) => openLoop(image, lun, hctl)) }
  } catch (error) {
    // Ctrl-C at a terminal reaches helpers too: it is no reason to look for other devices.
    outside.signal.throwIfAborted()
    if (wanted === 'loop' || !(error instanceof PathledgerError)) throw error
    outside.explain(`No loop devices here, so the paths are plain files. ${error.message}`)
    return byFile()
  }
}

async function openLoop(image: string, lun: Lun, hctl: string): Promise<PathDevice> {
  const attached = await attachLoop({ image, wwid: lun.wwid })
  try {
    return await loopPath(attached.device, { lun, hctl })
  } finally {
    // From here on the open path is what keeps the device attached, and its end detaches it.
    await attached.release()
  }
}

/** All at once: each of them starts helpers of its own. */
async function openAll(open: OpenOne): Promise<SwitchedDevice[]> {
  const opened = await Promise.allSettled(ADDRESSES.map(open))
  const failed = opened.find(({ status }) => status === 'rejected')
  const devices = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  if (failed?.status !== 'rejected') return devices.map(withFault)
  await Promise.all(devices.map((device) => device.close()))
  throw failed.reason
}

function withFault(inner: PathDevice): SwitchedDevice {
  const errors = errorFilter(inner)
  const { path, control } = delayFilter(errors.path, { delayUs: ERROR_AFTER_US }, { clock: systemClock })
  return {
    device: path,
    fault: {
      fail() {
        control.enable()
        errors.control.enable({ op: 'all', count: null })
      },
      heal() {
        errors.control.disable()
        control.disable()
      },
      failOneWrite: () => errors.control.enable({ op: 'write', count: 1 }),
    },
  }
}

function notRoot(): PathledgerError {
  return new PathledgerError('PATH_PERMISSION', {
    message: 'Loop devices need root.',
    why: 'This process does not run as root.',
    todo: 'Run it as root to use real block devices.',
    errno: 'EPERM',
  })
}
