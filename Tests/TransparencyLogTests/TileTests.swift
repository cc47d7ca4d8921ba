import Testing
import TransparencyLog

struct TileTests {
    @Test(arguments: [
        (Tile(.hashes(level: 0), 0), "0/000"), (Tile(.hashes(level: 2), 1_234_067), "2/x001/x234/067"),
        (Tile(.entries, 999, width: 7), "entries/999.p/7"), (Tile(.entries, 1000), "entries/x001/000"),
    ])
    func `a tile has one path, and the path one tile`(tile: Tile, path: String) {
        #expect(tile.path == path)
        #expect(Tile(path: path) == tile)
    }

    @Test(arguments: [
        "", "0", "0/", "0/0", "0/00", "0/1000", "0/x001", "0/001/000", "0/x001/x000", "8/000", "-1/000", "+0/000",
        "00/000", "entries", "entries/000.p/0", "entries/000.p/256", "entries/000.p/07", "entries/000.p", "data/000",
        "0/000/", "0/x000/001", "0/../000", "entries/x001/x002/x003/x004/x005/x006/x007/x008/x009/x010/x011/012",
        "0/\u{663}\u{663}\u{663}",
    ])
    func `another text is no path of a tile`(path: String) {
        #expect(Tile(path: path) == nil)
    }

    @Test func `a tree has the tiles that its size calls for`() {
        #expect(Tile.holding(5, .entries, size: 5) == nil)
        #expect(Tile.holding(-1, .entries, size: 5) == nil)
        #expect(Tile.holding(4, .entries, size: 5) == Tile(.entries, 0, width: 5))
        #expect(Tile.holding(300, .entries, size: 513) == Tile(.entries, 1))
        #expect(Tile.holding(1, .hashes(level: 1), size: 513) == Tile(.hashes(level: 1), 0, width: 2))
        #expect(Tile.holding(2, .hashes(level: 1), size: 513) == nil)
    }

    @Test func `entries are read back, and cut bundles are not`() {
        let entries: [[UInt8]] = [[], [1], [UInt8](repeating: 7, count: 65_535)]
        let bundle = entries.flatMap(EntryBundle.encode)
        #expect(EntryBundle.entries(bundle, count: 3)?.map(Array.init) == entries)
        #expect(EntryBundle.entries(bundle, count: 2)?.map(Array.init) == Array(entries.prefix(2)))
        #expect(EntryBundle.entries(bundle, count: 4) == nil)
        #expect(EntryBundle.entries(Array(bundle.dropLast()), count: 3) == nil)
        #expect(EntryBundle.entries([0], count: 1) == nil)
    }
}
