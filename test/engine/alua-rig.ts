// A rig whose LUN is a SCSI one: memory paths in front of a virtual target with port groups.
import { virtualLun, type VirtualLunSettings } from '../../adapters/paths/virtual-lun.ts'
import type { VirtualTarget } from '../../adapters/scsi/virtual-target.ts'
import { memoryLun } from '../../adapters/paths/memory.ts'
import { BLOCK, Rig, WWID, type RigOptions } from './rig.ts'

export const A = '8:0:0:0'
export const B = '9:0:0:0'
export const C = '10:0:0:0'
export const D = '11:0:0:0'
const LUN_BYTES = 1024 * 1024
const REPORT = 0xa3

export interface AluaRig {
  readonly rig: Rig
  readonly target: VirtualTarget
  /** Reports that the target has been asked for so far. */
  readonly asked: () => number
}

/** An engine on a LUN with these groups; by default A and B go in through group 1, C and D through group 2. */
export async function aluaRig(
  target: Partial<VirtualLunSettings> = {},
  options: RigOptions = {},
): Promise<AluaRig> {
  const lun = virtualLun({
    wwid: WWID,
    groups: [
      { id: 1, paths: [A, B] },
      { id: 2, paths: [C, D], access: 'active' },
    ],
    ...target,
  })
  const memory = memoryLun({ wwid: WWID, sizeBytes: LUN_BYTES, logicalBlockBytes: BLOCK, scsi: lun.scsi })
  const rig = await Rig.open({ lun: memory, multipath: 'on', ...options })
  return { rig, target: lun.scsi, asked: () => lun.scsi.commands.get(REPORT) ?? 0 }
}
