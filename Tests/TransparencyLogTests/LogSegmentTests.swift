import AssayDomain
import Testing

@testable import TransparencyLog

/// A part of a log, proven without the rest of it.
struct LogSegmentTests {
    private func entries(_ range: Range<Int>) -> [ArraySlice<UInt8>] { range.map { Array("entry \($0)".utf8)[...] } }

    private func checkpoint(_ tree: NaiveTree) -> Checkpoint {
        Checkpoint(origin: "log", size: Int64(tree.leaves.count), root: tree.root)
    }

    private func segment(_ tree: NaiveTree, _ range: Range<Int>) -> LogSegment {
        let ranges = LogSegment.ranges(Int64(range.lowerBound)..<Int64(range.upperBound), in: Int64(tree.leaves.count))
        return LogSegment(
            start: Int64(range.lowerBound), end: Int64(range.upperBound), before: tree.hashes(ranges.before),
            after: tree.hashes(ranges.after))
    }

    @Test(arguments: [1, 2, 3, 7, 8, 13])
    func `every part is proven, and no other entries are`(count: Int) throws {
        let tree = NaiveTree(count)
        for start in 0..<count {
            for end in (start + 1)...count {
                let segment = segment(tree, start..<end)
                let good = entries(start..<end)
                _ = try segment.check(good, in: checkpoint(tree))
                var bad = good
                bad[0] = [1]
                var wrong: [[ArraySlice<UInt8>]] = [bad, Array(good.dropFirst()), good + [[1]]]
                if good.count > 1 { wrong.append([good[1], good[0]] + good.dropFirst(2)) }
                for entries in wrong {
                    #expect(throws: AssayError.self) { try segment.check(entries, in: checkpoint(tree)) }
                }
            }
        }
    }

    @Test func `a part is not proven under another place, or by a proof that was cut`() throws {
        let tree = NaiveTree(21)
        let good = segment(tree, 5..<9)
        let moved = [
            LogSegment(start: 6, end: 10, before: good.before, after: good.after),
            LogSegment(start: 5, end: 9, before: Array(good.before.dropLast()), after: good.after),
            LogSegment(start: 5, end: 9, before: good.before, after: Array(good.after.dropLast())),
            LogSegment(start: -1, end: 3, before: good.before, after: good.after),
            LogSegment(start: 20, end: 24, before: good.before, after: good.after),
        ]
        for segment in moved {
            #expect(throws: AssayError.self) { try segment.check(entries(5..<9), in: checkpoint(tree)) }
        }
    }

    @Test func `a checkpoint that was kept is passed, contradicted or not told of`() throws {
        let tree = NaiveTree(21)
        let segment = segment(tree, 5..<9)
        func isPassed(_ size: Int, _ root: MerkleHash) throws -> Bool? {
            try segment.check(
                entries(5..<9), in: checkpoint(tree), passing: Checkpoint(origin: "log", size: Int64(size), root: root))
        }
        for size in [5, 6, 9, 21] {
            #expect(try isPassed(size, tree.root(0..<size)) == true)
            #expect(try isPassed(size, tree.root(0..<3)) == false)
        }
        for size in [3, 10] { #expect(try isPassed(size, tree.root(0..<size)) == nil) }
    }
}
