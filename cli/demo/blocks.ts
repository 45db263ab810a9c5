// What the demo writes: every block says which block it is and how often it was written, in each of its sectors, so that
// a stale, a misplaced and a torn block are told apart from the right one.

/** Bytes of a block. */
export const BLOCK_BYTES = 4096

const SECTOR_WORDS = 512 / 4
const BLOCK_WORDS = BLOCK_BYTES / 4
/** 'plgr', so that a person who looks at the image knows what it is. */
const MAGIC = 0x7267_6c70
const HEADER_WORDS = 4

/** What is found where a block of a generation should be. */
export type Found = 'same' | 'older' | 'other'

/** Fills `into`, one block long and aligned to 4 bytes. Generation 0 is a block that was never written: zeros. */
export function fillBlock(into: Uint8Array, block: number, generation: number): void {
  const words = new Uint32Array(into.buffer, into.byteOffset, BLOCK_WORDS)
  if (generation === 0) return void words.fill(0)
  for (let sector = 0; sector * SECTOR_WORDS < BLOCK_WORDS; sector += 1) {
    const at = sector * SECTOR_WORDS
    words.fill(mix(block, generation, sector), at + HEADER_WORDS, at + SECTOR_WORDS)
    words[at] = MAGIC
    words[at + 1] = block
    words[at + 2] = generation
    words[at + 3] = sector
  }
}

const scratch = new Uint8Array(BLOCK_BYTES)

/** Compares what was read with what was acknowledged: the same, a whole older generation, or something else. */
export function checkBlock(bytes: Uint8Array, block: number, generation: number): Found {
  if (equals(bytes, block, generation)) return 'same'
  const claimed = new DataView(bytes.buffer, bytes.byteOffset, BLOCK_BYTES).getUint32(8, true)
  return claimed < generation && equals(bytes, block, claimed) ? 'older' : 'other'
}

function equals(bytes: Uint8Array, block: number, generation: number): boolean {
  fillBlock(scratch, block, generation)
  return Buffer.compare(bytes, scratch) === 0
}

function mix(block: number, generation: number, sector: number): number {
  const seed = Math.imul(block + 1, 0x9e37_79b1) ^ Math.imul(generation, 0x85eb_ca6b) ^ sector
  return (seed ^ (seed >>> 15)) >>> 0
}
