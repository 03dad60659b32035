package keystore

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nearlight/internal/identity"
)

func newKey(t testing.TB) *identity.Key {
	t.Helper()
	key, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func write(t testing.TB, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAKeyIsFoundAgainWithItsPassphraseAlone(t *testing.T) {
	key, path := newKey(t), filepath.Join(t.TempDir(), "key.json")
	if err := Write(path, key, []byte("sesame"), Light); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if back, err := Read(path, []byte("sesame")); err != nil || back.Address() != key.Address() {
		t.Error(back, err)
	}
	if named, err := Inspect(path); err != nil || named != key.Address() {
		t.Error(named, err)
	}
	if _, err := Read(path, []byte("Sesame")); !errors.Is(err, ErrPassphrase) {
		t.Error(err)
	}
	if err := Write(path, newKey(t), []byte("sesame"), Light); !errors.Is(err, ErrExists) {
		t.Error(err)
	}
	if err := Write(path+"2", key, nil, Light); err == nil {
		t.Error("an empty passphrase is taken")
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, []byte("sesame")); !errors.Is(err, ErrReadable) || !strings.Contains(err.Error(), "chmod 600") {
		t.Error(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || bytes.Contains(text, []byte(hex.EncodeToString(key.Secret()))) {
		t.Error("the file shows the key", err)
	}
}

// sealed is a test vector of the Web3 Secret Storage definition (https://ethereum.org/en/developers/docs/data-structures-and-encoding/web3-secret-storage/).
const sealed = `{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},` +
	`"ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2",` +
	`"kdfparams":{"c":262144,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},` +
	`"mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},` +
	`"address":"008aeeda4d805471df9b2a5b0f38a0c3bcba786b","id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}`

func TestAnotherWalletsFileIsRead(t *testing.T) {
	key, err := Read(write(t, "key", sealed, 0o600), []byte("testpassword"))
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(key.Secret()); got != "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d" {
		t.Error(got)
	}
}

func TestFilesThatWouldCostTooMuchOrSayNothingAreRefused(t *testing.T) {
	scrypt := func(params string) string {
		return `{"version":3,"address":"008aeeda4d805471df9b2a5b0f38a0c3bcba786b","crypto":{"kdf":"scrypt","kdfparams":{"dklen":32,` + params + `}}}`
	}
	for why, text := range map[string]string{
		"empty": "", "no object": "[]", "of another version": strings.Replace(sealed, `"version":3`, `"version":1`, 1),
		"without an address":      strings.Replace(sealed, "008aeeda", "", 1),
		"for another address":     strings.Replace(sealed, "008aeeda", "008aeedb", 1),
		"an unknown derivation":   strings.Replace(sealed, "pbkdf2", "rot13", 1),
		"a short derived key":     strings.Replace(sealed, `"dklen":32`, `"dklen":1`, 1),
		"too many rounds":         strings.Replace(sealed, "262144", "2621440000", 1),
		"too much memory":         scrypt(`"n":1073741824,"r":8,"p":1`),
		"too much by r":           scrypt(`"n":2,"r":1073741824,"p":1`),
		"too often":               scrypt(`"n":1024,"r":8,"p":1000000`),
		"a cost that is no power": scrypt(`"n":1000,"r":8,"p":1`),
		"a negative cost":         scrypt(`"n":-1024,"r":8,"p":1`),
		"parameters of no use":    scrypt(`"n":1024,"r":0,"p":0`),
		"oversized":               strings.Repeat(" ", maxFile) + sealed,
	} {
		if key, err := Read(write(t, "key", text, 0o600), []byte("testpassword")); err == nil {
			t.Errorf("%s: %v", why, key)
		}
	}
}

func TestPassphrasesComeFromPrivateFilesAndCommands(t *testing.T) {
	for text, want := range map[string]string{"sesame": "sesame", "sesame\n": "sesame", "two words \r\nrest": "two words "} {
		if got, err := PassphraseOf(write(t, "pass", text, 0o600)); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for why, path := range map[string]string{
		"empty": write(t, "pass", "\nx", 0o600), "long": write(t, "pass", strings.Repeat("x", maxPassphrase+1), 0o600),
		"missing": filepath.Join(t.TempDir(), "pass"),
	} {
		if got, err := PassphraseOf(path); err == nil {
			t.Errorf("%s: %q", why, got)
		}
	}
	if _, err := PassphraseOf(write(t, "pass", "sesame", 0o644)); !errors.Is(err, ErrReadable) {
		t.Error(err)
	}
	if got, err := PassphraseFrom(t.Context(), "echo sesame; echo more"); err != nil || string(got) != "sesame" {
		t.Errorf("%q, %v", got, err)
	}
	for why, command := range map[string]string{
		"fails": "echo locked >&2; exit 3", "says nothing": "true", "says too much": "yes | tr -d '\\n' | head -c 100000",
	} {
		got, err := PassphraseFrom(t.Context(), command)
		if err == nil {
			t.Errorf("%s: %q", why, got)
		}
		if why == "fails" && !strings.Contains(err.Error(), "locked") {
			t.Error(err)
		}
	}
}

func TestAWrittenOutKeyIsReadAndNeverShown(t *testing.T) {
	key := newKey(t)
	digits := hex.EncodeToString(key.Secret())
	for _, text := range []string{digits, "0x" + digits + "\n"} {
		if back, err := SecretOf(write(t, "secret", text, 0o600)); err != nil || back.Address() != key.Address() {
			t.Error(back, err)
		}
	}
	for _, text := range []string{digits[:63] + "g", digits[:62], digits + "00"} {
		if _, err := SecretOf(write(t, "secret", text, 0o600)); err == nil || strings.Contains(err.Error(), digits[:8]) {
			t.Error(err)
		}
	}
}

func FuzzInspect(f *testing.F) {
	f.Add([]byte(sealed))
	f.Fuzz(func(t *testing.T, content []byte) {
		if named, err := inspect(content); err != nil && !errors.Is(err, ErrForm) {
			t.Errorf("%v, %v", named, err)
		}
	})
}
