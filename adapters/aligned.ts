// Page-aligned memory, which direct I/O demands and Buffer does not give.

import { argumentInvalid, shown } from '../errors/arguments.ts'

/** Node has it; the ES libraries of TypeScript do not declare it. */
declare const WebAssembly: {
  readonly Memory: new (pages: { readonly initial: number }) => { readonly buffer: ArrayBuffer }
}

/** One memory of WebAssembly has 4 GiB at most; half of that is more than anybody moves at once. */
const BYTES_MAX = 2_147_483_648
/** Bytes in a page of a WebAssembly memory. */
const WASM_PAGE_BYTES = 65_536

/**
 * Zeroed bytes that start on a page. The memory behind them comes in whole 64 KiB and is freed when nothing refers to
 * it: take one large piece and cut it, rather than many small ones.
 */
export function alignedBytes(length: number): Uint8Array {
  const wanted = Number.isSafeInteger(length) && length >= 0 && length <= BYTES_MAX
  if (!wanted)
    throw argumentInvalid(
      'alignedBytes',
      `length is bytes from 0 to ${BYTES_MAX}, and it was given ${shown(length)}.`,
    )
  const memory = new WebAssembly.Memory({ initial: Math.ceil(length / WASM_PAGE_BYTES) })
  return new Uint8Array(memory.buffer, 0, length)
}
