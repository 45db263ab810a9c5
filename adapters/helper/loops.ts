// Attaching and detaching loop devices from a helper process: both wait for the server behind the file.
import { checkArguments, checkFields } from '../../errors/arguments.ts'
import { systemClock } from '../system.ts'
import type { AttachedLoop, AttachSettings } from '../loop/control.ts'
import type { Clock } from '../ports.ts'
import { pathHelper } from './helper.ts'

/** For a caller with a clock or a patience of its own. */
export interface LoopCallSettings {
  readonly clock?: Clock
  /** Default HELPER_TIMEOUT_MS. */
  readonly timeoutMs?: number
}

const CALL = { clock: 'clock?', timeoutMs: 'count?' } as const

/**
 * Attaches `image` to a free loop device with direct I/O, AUTOCLEAR and the label of `wwid`, all in one ioctl, from a
 * helper process. The device stays while somebody has it open: at first the helper, until `release()`. Nothing stays
 * attached when this process dies. Rejects with PATH_NOT_FOUND, PATH_PERMISSION, PATH_SIZE; LOOP_NOT_DIRECT when the
 * kernel fell back to the page cache (and detaches); LOOP_NONE_FREE when others took every device tried; LOOP_IOCTL;
 * HELPER_TIMEOUT when the server behind the file does not answer.
 */
export async function attachLoop(
  settings: AttachSettings,
  call: LoopCallSettings = {},
): Promise<AttachedLoop> {
  const sizes = { logicalBlockBytes: 'count?', readOnly: 'flag?' } as const
  checkFields('attachLoop', 'settings', settings, { image: 'file', wwid: 'text', ...sizes })
  checkFields('attachLoop', 'call', call, CALL)
  const { clock = systemClock, ...more } = call
  const helper = pathHelper({ clock, fd: null, ...more })
  try {
    const attachment = await helper.call('attach', settings)
    return { ...attachment, release: () => helper.close() }
  } catch (error) {
    await helper.close()
    throw error
  }
}

/**
 * Detaches `device`, now or at its last close, from a helper process. A device that is not attached is fine.
 * Rejects with PATH_NOT_FOUND, PATH_PERMISSION, LOOP_IOCTL, HELPER_TIMEOUT.
 */
export async function detachLoop(device: string, call: LoopCallSettings = {}): Promise<void> {
  checkArguments('detachLoop', { device }, { device: 'file' })
  checkFields('detachLoop', 'call', call, CALL)
  const { clock = systemClock, ...more } = call
  const helper = pathHelper({ clock, fd: null, ...more })
  try {
    await helper.call('detach', { device })
  } finally {
    await helper.close()
  }
}
