// Memory that an I/O is done from without a copy: lent by the engine and given back by transfer, or the caller's own.
// It is let go of when the I/O has been answered and the kernel has given back every attempt on it.
import { invariant } from '../../errors.ts'
import type { PoolBlock } from './pool.ts'

/** Memory beside the pool as a block, for what must not wait for any: it goes when nobody has it any more. */
export function blockOfItsOwn(bytes: Uint8Array): PoolBlock {
  return { bytes, offset: 0, order: 0, holders: 1, share: null, whenFree: () => undefined }
}

const NOTHING = new Uint8Array(0)

export class Borrowed {
  readonly #bytes: Uint8Array
  readonly #whenFree: () => void
  #holders = 1

  /** `whenFree` is called once, when nobody holds it any more. */
  constructor(bytes: Uint8Array, whenFree: () => void) {
    this.#bytes = bytes
    this.#whenFree = whenFree
  }

  /** A part of it as the block of one bio, which its attempts hold as they hold the pool's own. */
  block(from: number, length: number): PoolBlock {
    this.#holders += 1
    const whenFree = () => this.release()
    // Its owner may have moved it away meanwhile: then there is no part of it, which the I/O hears before it is sent.
    const bytes = this.#bytes.length === 0 ? NOTHING : this.#bytes.subarray(from, from + length)
    return { bytes, offset: 0, order: 0, holders: 1, share: null, whenFree }
  }

  /** One holder less. */
  release(): void {
    invariant(this.#holders > 0, 'borrowed memory is given back once')
    this.#holders -= 1
    if (this.#holders === 0) this.#whenFree()
  }
}
