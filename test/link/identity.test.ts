import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadIdentity } from "../../link/identity.ts";
import { tempDirectory } from "../fixtures/temp.ts";

describe("a machine's identity", () => {
  it("is made once, and read by nobody else", async () => {
    const directory = join(tempDirectory(), "new", "identity");
    const all = await Promise.all(Array.from({ length: 5 }, async () => loadIdentity(directory)));
    const prints = new Set(all.map(({ current }) => current.fingerprint));
    expect(prints.size).toBe(1);
    expect([...prints][0]).toMatch(/^sha256:[A-Za-z0-9_-]{43}$/);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, "link.pem")).mode & 0o777).toBe(0o600);
    expect((await loadIdentity(directory)).current.fingerprint).toBe([...prints][0]);
  });

  it("is another one for every machine", async () => {
    const [one, two] = [await loadIdentity(tempDirectory()), await loadIdentity(tempDirectory())];
    expect(one.current.fingerprint).not.toBe(two.current.fingerprint);
  });

  it("is refused when others could read or change it", async () => {
    const directory = tempDirectory();
    const identity = await loadIdentity(directory);
    const path = join(directory, "link.pem");
    for (const mode of [0o640, 0o604, 0o610, 0o620]) {
      chmodSync(path, mode);
      expect(() => identity.current).toThrow(expect.objectContaining({ code: "config_untrusted" }));
    }
    chmodSync(path, 0o600);
    expect(identity.current.fingerprint).toMatch(/^sha256:/);
  });

  it("is refused when it is damaged, or of another kind, and is not made anew", async () => {
    const directory = tempDirectory();
    const identity = await loadIdentity(directory);
    const path = join(directory, "link.pem");
    const good = readFileSync(path, "latin1");
    const certificate = good.slice(good.indexOf("-----BEGIN CERTIFICATE"));
    const other = generateKeyPairSync("ec", { namedCurve: "secp384r1" }).privateKey;
    for (const bad of [
      "",
      "nonsense",
      good.slice(0, 100),
      certificate,
      `${good}more`,
      good.replace(/^M/m, "!"),
      good.replace(/.{10}(?=\n-----END PRIVATE)/, "AAAAAAAAAA"),
      (await loadIdentity(tempDirectory())).current.privateKey + certificate,
      other.export({ type: "pkcs8", format: "pem" }).toString() + certificate,
    ]) {
      writeFileSync(path, bad);
      await expect(loadIdentity(directory)).rejects.toMatchObject({ code: "file_failed" });
    }
    writeFileSync(path, good);
    expect(identity.current.fingerprint).toMatch(/^sha256:/);
    renameSync(path, `${path}.away`);
    expect(() => identity.current).toThrow("is missing");
    symlinkSync(join(directory, "nowhere"), path);
    await expect(loadIdentity(directory)).rejects.toMatchObject({ code: "file_failed" });
    mkdirSync(join(directory, "sub"), { mode: 0o500 });
    if (process.getuid?.() !== 0)
      await expect(loadIdentity(join(directory, "sub"))).rejects.toMatchObject({ code: "file_failed" });
  });

  it("has a second key while the first one is being changed", async () => {
    const directory = tempDirectory();
    const identity = await loadIdentity(directory);
    const first = identity.current.fingerprint;
    expect(identity.next).toBeUndefined();
    expect((await identity.promote()).fingerprint).toBe(first);
    const second = await identity.rotate();
    expect((await identity.rotate()).fingerprint).toBe(second.fingerprint);
    expect(identity.current.fingerprint).toBe(first);
    expect(statSync(join(directory, "link-next.pem")).mode & 0o777).toBe(0o600);
    // Another process does it.
    expect((await (await loadIdentity(directory)).promote()).fingerprint).toBe(second.fingerprint);
    expect([identity.current.fingerprint, identity.next]).toEqual([second.fingerprint, undefined]);
  });

  it("says what is wrong when it cannot be promoted", async () => {
    const directory = tempDirectory();
    const identity = await loadIdentity(directory);
    await identity.rotate();
    const path = join(directory, "link.pem");
    renameSync(path, `${path}.away`);
    mkdirSync(path);
    await expect(identity.promote()).rejects.toMatchObject({ code: "file_failed" });
  });
});
