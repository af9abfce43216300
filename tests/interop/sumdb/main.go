// Reads a log that Hallmark published with Go's sumdb packages, which know nothing of it: the
// checkpoint as a signed note, every tile, every entry, and proofs of both kinds.
//
//	sumdb FOLDER [OLDER-SIZE...]
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var passed, failed int

func check(what string, err error) {
	if err != nil {
		failed++
		fmt.Printf("not so: %s: %v\n", what, err)
		return
	}
	passed++
}

func must(err error) {
	if err != nil {
		fmt.Println("cannot go on:", err)
		os.Exit(1)
	}
}

// path is where C2SP tlog-tiles puts what sumdb calls tile/8/L/...
func path(t tlog.Tile) string {
	n := t.N
	name := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		name = fmt.Sprintf("x%03d/%s", n%1000, name)
	}
	level := strconv.Itoa(t.L)
	if t.L == -1 {
		level = "entries"
	}
	if t.W != 1<<t.H {
		name += ".p/" + strconv.Itoa(t.W)
	}
	return "tile/" + level + "/" + name
}

type folder string

func (f folder) Height() int { return 8 }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		data, err := os.ReadFile(filepath.Join(string(f), path(t)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func entries(f folder, size int64) [][]byte {
	var all [][]byte
	for n := int64(0); n*256 < size; n++ {
		width := size - n*256
		if width > 256 {
			width = 256
		}
		data, err := os.ReadFile(filepath.Join(string(f), path(tlog.Tile{H: 8, L: -1, N: n, W: int(width)})))
		must(err)
		for len(data) > 0 {
			long := int(binary.BigEndian.Uint16(data))
			all = append(all, data[2:2+long])
			data = data[2+long:]
		}
	}
	return all
}

func main() {
	f := folder(os.Args[1])
	vkey, err := os.ReadFile(filepath.Join(string(f), "vkey"))
	must(err)
	verifier, err := note.NewVerifier(strings.TrimSpace(string(vkey)))
	must(err)
	signed, err := os.ReadFile(filepath.Join(string(f), "checkpoint"))
	must(err)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	check("the checkpoint is a note by the log", err)
	must(err)
	lines := strings.Split(opened.Text, "\n")
	if lines[0] != verifier.Name() {
		check("the origin is the key's name", fmt.Errorf("%q", lines[0]))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	must(err)
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)

	// In Debian's version the reader leaves some tiles unauthenticated where a tree has more full
	// subtrees than tiles at its edge. So nothing rests on it: every tile is computed anew below.
	reader := tlog.TileHashReader(tree, f)
	all := entries(f, size)
	if int64(len(all)) != size {
		check("there are as many entries as the checkpoint says", fmt.Errorf("%d", len(all)))
	}
	var own []tlog.Hash
	stored := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for _, i := range at {
			hashes = append(hashes, own[i])
		}
		return hashes, nil
	})
	for i, entry := range all {
		hashes, err := tlog.StoredHashes(int64(i), entry, stored)
		must(err)
		own = append(own, hashes...)
	}
	computed, err := tlog.TreeHash(size, stored)
	must(err)
	if computed != tree.Hash {
		err = fmt.Errorf("%v", computed)
	}
	check("the entries come to the root", err)

	step := size/64 + 1
	for i := int64(0); i < size; i += step {
		proof, err := tlog.ProveRecord(size, i, reader)
		check("a proof of an entry is made from the tiles", err)
		if err == nil {
			check("and holds", tlog.CheckRecord(proof, size, tree.Hash, i, tlog.RecordHash(all[i])))
		}
	}
	for old := int64(1); old < size; old += step {
		proof, err := tlog.ProveTree(size, old, reader)
		check("a proof of growth is made from the tiles", err)
		oldRoot, err := tlog.TreeHash(old, stored)
		must(err)
		check("and holds", tlog.CheckTree(proof, size, tree.Hash, old, oldRoot))
	}
	for _, t := range tlog.NewTiles(8, 0, size) {
		edge := (size >> (8 * t.L)) & 255
		if t.W != 256 && int64(t.W) != edge {
			continue // It was narrower once, and is not published any more.
		}
		data, err := os.ReadFile(filepath.Join(string(f), path(t)))
		must(err)
		made, err := tlog.ReadTileData(t, stored)
		must(err)
		if !bytes.Equal(data, made) {
			err = fmt.Errorf("%s differs", path(t))
		}
		check("a tile is what the entries come to", err)
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}
