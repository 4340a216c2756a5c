import { render } from "preact";
import { Shell } from "./shell.tsx";
import { Store, StoreContext } from "./store.ts";

const root = document.getElementById("page");
if (root !== null) {
  const store = new Store();
  void store.calls.start();
  render(
    <StoreContext.Provider value={store}>
      <Shell />
    </StoreContext.Provider>,
    root,
  );
}
