// The logical unit behind a set of loop devices or files. A loop device has no INQUIRY data, so the caller says what the
// LUN is; the label that an attached loop device carries must agree.
import { PathledgerError } from '../errors.ts'
import type { Lun } from './ports.ts'

/** What a LUN is called, and what it can do. */
export interface VirtualLunSettings {
  /** Unique id, as VPD page 0x83 would give it: 'naa.600140505200a986f0043c9afa1fd077'. 1 to 256 characters. */
  readonly wwid: string
  /** The implicit bit of INQUIRY's TPGS; mode 'on' asks for it. Default true. */
  readonly implicitAlua?: boolean
}

/** Makes the LUN that paths are given. Throws LUN_ID for an empty id, one over 256 characters, or unprintable ones. */
export function virtualLun({ wwid, implicitAlua = true }: VirtualLunSettings): Lun {
  // Ids are one word of printable ASCII in sysfs, in stream names and in the label of a loop device.
  if (/^[\x21-\x2e\x30-\x7e]{1,256}$/.test(wwid)) return { wwid, implicitAlua }
  throw new PathledgerError('LUN_ID', {
    message: `'${wwid}' cannot be the id of a LUN.`,
    why: "An id is 1 to 256 printable ASCII characters without spaces and without '/'.",
    todo: "Use the text form of a page 0x83 designator, like 'naa.600140505200a986f0043c9afa1fd077'.",
    errno: 'EINVAL',
  })
}
