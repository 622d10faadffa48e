// Unpacks what comes packed with Brotli, which nothing else on a usual machine reads: `node unpack.js FILE…` writes each
// `NAME.br` as `NAME` beside it.
const fs = require("fs");
const zlib = require("zlib");
const { pipeline } = require("stream/promises");

(async () => {
  for (const packed of process.argv.slice(2)) {
    await pipeline(
      fs.createReadStream(packed),
      zlib.createBrotliDecompress(),
      fs.createWriteStream(packed.slice(0, -".br".length)),
    );
  }
})();
