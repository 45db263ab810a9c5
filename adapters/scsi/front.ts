// What puts a virtual LUN in front of a path's bytes: commands go to its target, and reads and writes only where the
// target lets them in through this path.
import { completeSoon } from '../completions.ts'
import type { IoCompletion, Lun, PathDevice, ScsiNexus } from '../ports.ts'
import { CHECK_CONDITION } from './cdb.ts'
import { blkStatusOf } from './result.ts'
import { parseSense } from './sense.ts'

/** The SCSI half of a path: its `command`, and a gate in front of its `submit`. */
export interface ScsiFront {
  /** Spread into the path: nothing where the LUN is not a SCSI one. */
  readonly commands: Pick<PathDevice, 'command'>
  guard(submit: PathDevice['submit']): PathDevice['submit']
  close(): void
}

const NONE: ScsiFront = { commands: {}, guard: (submit) => submit, close: () => undefined }

/** The front of a path to `lun`, as its nexus. */
export function scsiFront(lun: Lun, hctl: string): ScsiFront {
  const nexus = lun.scsi?.connect(hctl)
  return nexus === undefined ? NONE : frontOf(nexus)
}

function frontOf(nexus: ScsiNexus): ScsiFront {
  return {
    commands: {
      command: ({ cdb, dataOut }, done) => {
        const answer = nexus.execute(cdb, dataOut)
        queueMicrotask(() => done(answer))
      },
    },
    guard: (submit) => (request, done) => {
      const sense = nexus.admit()
      if (sense === null) submit(request, done)
      else completeSoon(done, refusal(sense))
    },
    close: () => nexus.close(),
  }
}

/** CHECK CONDITION: nothing was done, and the sense data says why. */
function refusal(sense: Uint8Array): IoCompletion {
  return { errno: 'EAGAIN', status: blkStatusOf(CHECK_CONDITION, parseSense(sense)), bytes: 0, sense }
}
