// Reads addresses by the WHATWG URL standard, as Rust's `url` does: for each its host, or null for what is no address.
const read = (address) => (URL.canParse(address) ? new URL(address).host : null);
let given = "";
for await (const piece of process.stdin) given += piece;
process.stdout.write(JSON.stringify(JSON.parse(given).map(read)));
