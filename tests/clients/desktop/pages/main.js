// Does what it is ordered by the one who started it, with the commands that the updater's JavaScript calls.
const { core, pytauri } = window.__TAURI__;
let update, bytesRid;

const orders = {
  async check(options) {
    update = await core.invoke("plugin:updater|check", options);
    return update;
  },
  async download() {
    bytesRid = await core.invoke("plugin:updater|download", { rid: update.rid, onEvent: new core.Channel() });
  },
  async install() {
    await core.invoke("plugin:updater|install", { updateRid: update.rid, bytesRid });
  },
};

for (;;) {
  const line = await pytauri.pyInvoke("next_order", null);
  const [order, options] = JSON.parse(new TextDecoder().decode(line));
  const told = {};
  try {
    told.result = (await orders[order](options)) ?? null;
  } catch (error) {
    told.error = String(error);
  }
  await pytauri.pyInvoke("tell", told);
}
