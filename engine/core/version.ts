/** Version of the engine, as it stands in package.json; a test holds the two equal. */
export const VERSION = '0.1.0'

/** Version of XState that the machines run on; histories are replayed with it. A test holds it equal to what is installed. */
export const XSTATE_VERSION = '5.33.3'
