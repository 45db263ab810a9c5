// Randomness that a seed repeats: sfc32, Chris Doty-Humphrey's small fast counter generator (PractRand), in 32-bit
// integer steps only, so that every version of Node gives the same bits.
import { checkArguments } from '../errors/arguments.ts'
import type { Random } from './ports.ts'

/** A {@link Random} that its seed determines. */
export interface SeededRandom extends Random {
  /**
   * A stream of its own, determined by this one's seed and `name` alone: it is the same however many numbers were
   * drawn here, so that one subsystem drawing once more does not change what another one sees.
   */
  fork(name: string): SeededRandom
}

/** Draws thrown away at the start, until the seed has reached every bit of the state. */
const WARM_UP = 12

/** A generator from a seed; a number and its decimal string are the same seed. Pure but for its own state. */
export function seededRandom(seed: number | string): SeededRandom {
  if (typeof seed !== 'string') checkArguments('seededRandom', { seed }, { seed: 'number' })
  const name = String(seed)
  let a = hash(name, 0x9e3779b9)
  let b = hash(name, 0x243f6a88)
  let c = hash(name, 0xb7e15162)
  let counter = 1
  function nextUint32(): number {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  for (let drawn = 0; drawn < WARM_UP; drawn += 1) nextUint32()
  return { nextUint32, fork: (child) => seededRandom(JSON.stringify([name, child])) }
}

/** FNV-1a over the UTF-16 units, then MurmurHash3's finaliser, so that near seeds land far apart. */
function hash(text: string, basis: number): number {
  let h = basis
  for (let at = 0; at < text.length; at += 1) h = Math.imul(h ^ text.charCodeAt(at), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
