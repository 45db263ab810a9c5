// This host, as it is watched: the ports of the daemon on the machine itself.
import type { Clock } from '../adapters/ports.ts'
import { followJournal } from '../adapters/watch/journal.ts'
import { Kmsg } from '../adapters/watch/kmsg.ts'
import { askMaps } from '../adapters/watch/multipathd.ts'
import { deviceUnder, sysfsReader } from '../adapters/watch/sysfs.ts'
import { UeventStream } from '../adapters/watch/uevents.ts'
import type { World } from './run.ts'

/** The machine's own world. */
export function hostWorld({ clock, host, boot }: { clock: Clock; host: string; boot: string }): World {
  return {
    ...{ host, boot, deviceUnder, followJournal, askMaps, sysfs: sysfsReader() },
    now: () => ({ us: clock.wallUs(), monoUs: clock.monoUs() }),
    openKmsg: () => Kmsg.open(),
    openUevents: () => UeventStream.open(),
    setTimer: (atMonoUs, run) => clock.setTimer(atMonoUs, run),
  }
}
