// The unique id of a LUN as bytes, by kind of designator, from its text form (`get_unique_id` of a block device).

/** The kinds that the kernel asks for (`enum blk_unique_id`). */
export const UNIQUE_ID_TYPES = ['t10', 'eui64', 'naa'] as const
/** One of {@link UNIQUE_ID_TYPES}. */
export type UniqueIdType = (typeof UNIQUE_ID_TYPES)[number]

const PREFIX_OF: Readonly<Record<UniqueIdType, string>> = { t10: 't10.', eui64: 'eui.', naa: 'naa.' }
/** Bytes that an id of a kind can have. */
const LENGTHS: Readonly<Record<'eui64' | 'naa', readonly number[]>> = { eui64: [8, 12, 16], naa: [8, 16] }

/** The id's bytes; none when the LUN has no id of this kind. Pure. */
export function uniqueIdOf(wwid: string, type: UniqueIdType): Uint8Array {
  const prefix = PREFIX_OF[type]
  if (!wwid.startsWith(prefix)) return new Uint8Array(0)
  const rest = wwid.slice(prefix.length)
  if (type === 't10') return new Uint8Array(Buffer.from(rest, 'latin1'))
  const whole = /^(?:[0-9a-f]{2})+$/.test(rest) && LENGTHS[type].includes(rest.length / 2)
  return whole ? new Uint8Array(Buffer.from(rest, 'hex')) : new Uint8Array(0)
}
