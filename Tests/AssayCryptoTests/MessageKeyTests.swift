import AssayCrypto
import AssayDomain
import Testing

struct MessageKeyTests {
    /// Worked out with another implementation of HMAC-SHA256.
    @Test(arguments: [
        ("team/model", "d0eb76cafef2ff097196cea7c6169f456f0fbbfc36aad97be96bc7648ed307e5"),
        ("", "d38b42096d80f45f826b44a9d5607de72496a415d3f4a1a8c88e3bb9da8dc1cb"),
    ])
    func `a code is the HMAC-SHA256 of its message`(message: String, hex: String) throws {
        let key = try MessageKey(secret: Array(0..<32))
        #expect(Hex.encode(try key.code(of: Array(message.utf8))) == hex)
    }

    @Test(arguments: [0, 31, 33])
    func `a secret of another length is refused`(length: Int) {
        #expect(throws: AssayError.self) { try MessageKey(secret: Array(repeating: 1, count: length)) }
    }

    @Test func `a secret never shows itself in text`() throws {
        let key = try MessageKey(secret: Array(repeating: 77, count: 32))
        #expect(!"\(key) \(String(reflecting: key))".contains("77"))
    }
}
