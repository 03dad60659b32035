// Package keystore answers where a key lies: in a file of the Web3 Secret Storage, version 3, which wallets of Ethereum's read too,
// encrypted with a passphrase that comes from another file or from a command, and never from a command line.
//
// Files are made for their owner alone, and refused when others could read them. Nothing here keeps a passphrase.
package keystore

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"nearlight/internal/identity"
)

// Cost is how dear it is to try a passphrase.
type Cost struct{ n, p int }

// The costs.
var (
	// Standard takes 256 MiB and about a second, as wallets do.
	Standard = Cost{keystore.StandardScryptN, keystore.StandardScryptP}
	// Light takes 4 MiB and a twentieth of a second: for tests, and for passphrases that are random anyway.
	Light = Cost{keystore.LightScryptN, keystore.LightScryptP}
)

// maxFile is more than any keystore file has.
const maxFile = 16 << 10

// The most that a file may ask for before its passphrase is even tried.
const (
	maxScryptMemory = 512 << 20 // octets; 128*N*r (RFC 7914 section 2)
	maxScryptP      = 16
	maxPBKDF2Rounds = 10_000_000
)

// Errors that callers tell apart.
var (
	ErrPassphrase = errors.New("keystore: the passphrase is wrong")
	ErrReadable   = errors.New("keystore: others can read the file")
	ErrExists     = errors.New("keystore: the file is there already")
	ErrForm       = errors.New("keystore: not a keystore file of version 3")
)

// Write keeps a key in a new file.
func Write(path string, key *identity.Key, passphrase []byte, cost Cost) error {
	if len(passphrase) == 0 {
		return errors.New("keystore: the passphrase is empty")
	}
	secret, err := crypto.ToECDSA(key.Secret())
	if err != nil {
		return fmt.Errorf("keystore: write %s: %w", path, err)
	}
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return fmt.Errorf("keystore: write %s: %w", path, err)
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // a random UUID (RFC 9562 section 5.4)
	sealed, err := keystore.EncryptKey(&keystore.Key{Id: id, Address: common.Address(key.Address()), PrivateKey: secret}, string(passphrase), cost.n, cost.p)
	if err != nil {
		return fmt.Errorf("keystore: write %s: %w", path, err)
	}
	return writeNew(path, append(sealed, '\n'))
}

// writeNew writes a file that was not there, so that it is there whole or not at all after a crash.
func writeNew(path string, content []byte) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w: %s; a key that is overwritten is lost, so move it away first", ErrExists, path)
	}
	if err != nil {
		return fmt.Errorf("keystore: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("keystore: write %s: %w", path, err), os.Remove(path))
		}
	}()
	_, err = file.Write(content)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Read opens a file with its passphrase.
func Read(path string, passphrase []byte) (*identity.Key, error) {
	content, err := readPrivate(path, maxFile)
	if err != nil {
		return nil, err
	}
	key, err := open(content, passphrase)
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, path)
	}
	return key, nil
}

// open decrypts a file's content.
func open(content, passphrase []byte) (*identity.Key, error) {
	named, err := inspect(content)
	if err != nil {
		return nil, err
	}
	opened, err := keystore.DecryptKey(content, string(passphrase))
	if errors.Is(err, keystore.ErrDecrypt) {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrForm, err)
	}
	key, err := identity.KeyFromSecret(crypto.FromECDSA(opened.PrivateKey))
	if err != nil {
		return nil, err
	}
	if key.Address() != named {
		return nil, fmt.Errorf("%w: it says that it holds %s and holds %s", ErrForm, named, key.Address())
	}
	return key, nil
}

// Inspect returns the address that a file says to hold the key of. No passphrase is needed, and nothing is proved.
func Inspect(path string) (identity.Address, error) {
	content, err := readPrivate(path, maxFile)
	if err != nil {
		return identity.Address{}, err
	}
	named, err := inspect(content)
	if err != nil {
		return identity.Address{}, fmt.Errorf("%w (%s)", err, path)
	}
	return named, nil
}

// file is what is looked at of a keystore file before it is opened.
type file struct {
	Address string `json:"address"`
	Version int    `json:"version"`
	Crypto  struct {
		KDF    string `json:"kdf"`
		Params struct {
			N, R, P int
			C       int
			Length  int `json:"dklen"`
		} `json:"kdfparams"`
	} `json:"crypto"`
}

// inspect checks what a file costs to open, and returns its address.
func inspect(content []byte) (identity.Address, error) {
	var f file
	if err := json.Unmarshal(content, &f); err != nil {
		return identity.Address{}, fmt.Errorf("%w: %v", ErrForm, err)
	}
	var named identity.Address
	if n, err := hex.Decode(named[:], []byte(cut(f.Address))); err != nil || n != len(named) || f.Version != 3 {
		return identity.Address{}, ErrForm
	}
	k := f.Crypto.Params
	switch f.Crypto.KDF {
	case "scrypt":
		if k.N < 2 || k.N&(k.N-1) != 0 || k.R < 1 || k.P < 1 || k.P > maxScryptP || k.R > maxScryptMemory || k.N > maxScryptMemory/128/k.R {
			return identity.Address{}, fmt.Errorf("%w: scrypt with N %d, r %d and p %d is out of bounds", ErrForm, k.N, k.R, k.P)
		}
	case "pbkdf2":
		if k.C < 1 || k.C > maxPBKDF2Rounds {
			return identity.Address{}, fmt.Errorf("%w: PBKDF2 with %d rounds is out of bounds", ErrForm, k.C)
		}
	default:
		return identity.Address{}, fmt.Errorf("%w: unknown key derivation %.16q", ErrForm, f.Crypto.KDF)
	}
	if k.Length != 32 {
		return identity.Address{}, fmt.Errorf("%w: a derived key of %d octets, want 32", ErrForm, k.Length)
	}
	return named, nil
}

// cut takes off the 0x that some wallets write, and what no address has.
func cut(address string) string {
	if len(address) == 42 && address[:2] == "0x" {
		return address[2:]
	}
	if len(address) != 40 {
		return ""
	}
	return address
}

// readPrivate reads a file of at most limit octets that only its owner can read.
func readPrivate(path string, limit int64) (content []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("keystore: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("keystore: %w", err)
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s has the mode %04o; chmod 600 %s", ErrReadable, path, info.Mode().Perm(), path)
	}
	content, err = io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, fmt.Errorf("keystore: read %s: %w", path, err)
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("keystore: %s has more than %d octets", path, limit)
	}
	return content, nil
}
