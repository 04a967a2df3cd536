// The weights that lie in this folder, by the fingerprint in a file's header; `dlic web` writes it anew.
export default {};
