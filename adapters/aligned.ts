// Page-aligned memory, which direct I/O demands and Buffer does not give.

/** Node has it; the ES libraries of TypeScript do not declare it. */
declare const WebAssembly: {
  readonly Memory: new (pages: { readonly initial: number }) => { readonly buffer: ArrayBuffer }
}

/** Bytes in a page of a WebAssembly memory. */
const WASM_PAGE_BYTES = 65_536

/**
 * Zeroed bytes that start on a page. The memory behind them comes in whole 64 KiB and is freed when nothing refers to
 * it: take one large piece and cut it, rather than many small ones.
 */
export function alignedBytes(length: number): Uint8Array {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(length / WASM_PAGE_BYTES) })
  return new Uint8Array(memory.buffer, 0, length)
}
