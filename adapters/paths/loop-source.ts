// Loop devices as a source of paths, for hot-plug. Everything is read from sysfs, so no hung server holds it up; an open is
// asked for only where the caller wants the device.
import { checkFields } from '../../errors/arguments.ts'
import type { DeviceSighting, DeviceSource, PathDevice } from '../ports.ts'
import { listLoops, type LoopListing } from '../loop/list.ts'
import { loopPath, type LoopPathSettings } from './loop-path.ts'

/** Which loop devices are wanted as paths, and of what. */
export interface LoopSourceSettings {
  /** The settings of the path that this device is to be, or null when it is none of ours. */
  readonly match: (loop: LoopListing) => LoopPathSettings | null
  /** Default '/sys'. */
  readonly sysRoot?: string
  /** Default: {@link loopPath}. */
  readonly open?: (device: string, settings: LoopPathSettings) => Promise<PathDevice>
}

/** A source of paths for {@link Multipath.watch}: every attached loop device that `match` wants. */
export function loopSource(settings: LoopSourceSettings): DeviceSource {
  checkFields('loopSource', 'settings', settings, { match: 'call', sysRoot: 'file?', open: 'call?' })
  const { match, sysRoot = '/sys', open = loopPath } = settings
  const wanted = new Map<string, LoopPathSettings>()
  return {
    list(): readonly DeviceSighting[] {
      wanted.clear()
      return listLoops(sysRoot).map((loop) => {
        const settings = match(loop)
        if (settings !== null) wanted.set(loop.device, settings)
        const { device, blockNumber, diskseq, direct, autoclear, sizeBytes } = loop
        return { device, deviceKey: `loop:${blockNumber}`, diskseq, direct, autoclear, sizeBytes }
      })
    },
    covers: (deviceKey) => deviceKey.startsWith('loop:'),
    async open({ device }) {
      const settings = wanted.get(device)
      return settings === undefined ? null : open(device, settings)
    },
  }
}
