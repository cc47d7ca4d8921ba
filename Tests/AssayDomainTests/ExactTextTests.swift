import AssayDomain
import Testing

struct ExactTextTests {
    private static let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")

    @Test func `texts of other bytes are other texts`() {
        let (left, right) = (ExactText(Self.composed), ExactText(Self.decomposed))
        #expect(left.text == right.text)
        #expect(left != right)
        #expect(Set([left, right, left]).count == 2)
        #expect(right < left && !(left < right))
        #expect(!Self.composed.isExactly(Self.decomposed))
        // U+212A is canonically K.
        #expect(!"\u{212A}".isExactly("K"))
    }

    @Test(arguments: [
        ("a", ["a"]), ("a/b", ["a", "b"]), ("a/\u{301}b", ["a", "\u{301}b"]), ("", [""]), ("/a/", ["", "a", ""]),
    ])
    func `paths are parted at every slash`(path: String, parts: [String]) {
        #expect(path.pathComponents.map { Array($0.utf8) } == parts.map { Array($0.utf8) })
    }

    @Test func `files of a version are equal by the bytes of their paths`() throws {
        let digest = try Digest(parsing: "sha256:" + String(repeating: "0", count: 64))
        let files = [Self.composed, Self.decomposed].map { VersionFile(path: $0, digest: digest, size: 1) }
        #expect(files[0] != files[1])
        #expect(Set(files).count == 2)
    }
}
