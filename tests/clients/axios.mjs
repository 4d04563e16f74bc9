// Uploads a file by axios as a web application does: FormData with a Blob, and axios' own form, with a stream of a file.
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import axios from "axios";

const [base, token, path] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}`, "X-Sage-Locale": "zh-CN" };
const content = await readFile(path);
const form = new FormData();
form.append("path", "from axios");
form.append("file", new Blob([content], { type: "text/html" }), "测试 \"x\" 🎉.txt");
const told = [];
let percent = 0;
const onUploadProgress = (event) => { percent = event.progress; };
told.push((await axios.post(`${base}/api/oss/upload`, form, { headers, onUploadProgress })).data);
told.push((await axios.postForm(`${base}/api/oss/upload`, { file: createReadStream(path) }, { headers })).data);
const refused = await axios.postForm(`${base}/api/oss/upload`, { other: "x" }, { headers, validateStatus: () => true });
const back = await axios.get(told[0].data.url, { responseType: "arraybuffer" });
console.log(JSON.stringify({ told, percent, refused: [refused.status, refused.data.data], same: content.equals(Buffer.from(back.data)) }));
