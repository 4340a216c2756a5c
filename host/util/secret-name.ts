const SECRET_NAME = /TOKEN|SECRET|PASSW|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY|AUTH(?!OR)|COOKIE|EXTRAHEADER/i;

/** True for a setting whose value should not be shown. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}
