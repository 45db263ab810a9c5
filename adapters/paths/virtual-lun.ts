// The logical unit behind a set of loop devices or files. A loop device has no INQUIRY data, so the LUN is virtual: it
// answers SCSI commands with real bytes, and the label that an attached loop device carries must agree with its id.
import { checkFields, shown, type Wanted } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import type { Lun } from '../ports.ts'
import { checkDesignator, designatorOf, type Designator } from '../scsi/designators.ts'
import { VirtualTarget, type GroupSettings } from '../scsi/virtual-target.ts'

/** What a LUN is called, and what it can do. */
export interface VirtualLunSettings {
  /** Unique id, as VPD page 0x83 will give it: 'naa.600140505200a986f0043c9afa1fd077'. 1 to 255 characters. */
  readonly wwid: string
  /** The implicit bit of INQUIRY's TPGS; mode 'on' asks for it. Default true. */
  readonly implicitAlua?: boolean
  /** INQUIRY's TPGS bits in full: 0 none, 1 implicit, 2 explicit, 3 both. Default: what `implicitAlua` says. */
  readonly tpgs?: 0 | 1 | 2 | 3
  /** Designators of the logical unit in page 0x83, instead of the one that `wwid` makes. */
  readonly designators?: readonly Designator[]
  /** Target port groups and which paths go in through them; a path that none names is in the first. Default: one, optimal. */
  readonly groups?: readonly GroupSettings[]
  /** Whether REPORT TARGET PORT GROUPS knows its extended header. Default true. */
  readonly extendedHeader?: boolean
  /** Implicit transition time that it tells in that header, 1 to 255 seconds. Default: none. */
  readonly transitionSeconds?: number
  /** Sense data in descriptor instead of fixed format. Default false. */
  readonly descriptorSense?: boolean
}

/** A LUN with a target of its own. */
export interface VirtualLun extends Lun {
  readonly scsi: VirtualTarget
}

const SHAPE: Readonly<Record<string, Wanted>> = {
  ...{ wwid: 'text', implicitAlua: 'flag?', tpgs: 'count?', designators: 'list?', groups: 'list?' },
  ...{ extendedHeader: 'flag?', transitionSeconds: 'count?', descriptorSense: 'flag?' },
}
/** A designator's length is one byte. */
const WWID_MAX = 255

/**
 * Makes the LUN that paths are given. Throws LUN_ID for an empty id, one over 255 characters, or unprintable ones, and
 * TARGET_GROUPS for groups that cannot be.
 */
export function virtualLun(settings: VirtualLunSettings): VirtualLun {
  checkFields('virtualLun', 'settings', settings, SHAPE)
  const { wwid, implicitAlua = true } = settings
  const tpgs = settings.tpgs ?? (implicitAlua ? 1 : 0)
  // Ids are one word of printable ASCII in sysfs, in stream names and in the label of a loop device.
  if (!/^[\x21-\x2e\x30-\x7e]+$/.test(wwid) || wwid.length > WWID_MAX) throw badId(wwid)
  for (const one of settings.designators ?? []) checkDesignator('virtualLun', one)
  const scsi = new VirtualTarget({
    designators: settings.designators ?? [designatorOf(wwid)],
    tpgs,
    groups: settings.groups ?? [],
    extendedHeader: settings.extendedHeader ?? true,
    transitionSeconds: settings.transitionSeconds ?? null,
    descriptorSense: settings.descriptorSense ?? false,
  })
  return { wwid, implicitAlua: (tpgs & 1) === 1, scsi }
}

function badId(wwid: string): PathledgerError {
  return new PathledgerError('LUN_ID', {
    message: `${shown(wwid)} cannot be the id of a LUN.`,
    why: `An id is 1 to ${WWID_MAX} printable ASCII characters without spaces and without '/'.`,
    todo: "Use the text form of a page 0x83 designator, like 'naa.600140505200a986f0043c9afa1fd077'.",
    errno: 'EINVAL',
  })
}
