import AssayDomain
import HTTPKit
import HTTPTypes
import Hummingbird

/// What clients and proxies may keep of content that its digest names.
///
/// Source: RFC 9110, sections 8.8.3 and 13; RFC 9111; RFC 8246 for `immutable`.
enum Caching {
    /// The headers of content; `isFixed` where the address itself names the digest, so that it stays for ever.
    static func headers(of digest: Digest, isFixed: Bool) -> HTTPFields {
        [
            .dockerContentDigest: "\(digest)", .eTag: entityTag(digest),
            .cacheControl: isFixed ? "private, max-age=31536000, immutable" : "private, no-cache",
        ]
    }

    /// Whether the request says that its sender has the content already.
    static func isKnown(_ digest: Digest, to request: Request) -> Bool {
        let tag = entityTag(digest)
        return request.headers[values: .ifNoneMatch].contains { list in
            list == "*" || list.split(separator: ",").contains { $0.drop { $0 == " " }.removingWeakness == tag }
        }
    }

    /// The Range header, unless If-Range names other content.
    static func range(of request: Request, for digest: Digest) -> String? {
        guard let condition = request.headers[.ifRange], condition != entityTag(digest) else {
            return request.headers[.range]
        }
        return nil
    }

    private static func entityTag(_ digest: Digest) -> String { "\"\(digest)\"" }
}

extension Substring {
    /// An entity tag as weak comparison sees it.
    fileprivate var removingWeakness: Substring {
        let end = lastIndex { $0 != " " }.map(index(after:)) ?? startIndex
        return (hasPrefix("W/") ? dropFirst(2) : self)[..<end]
    }
}

extension HTTPFields {
    /// The same fields and one more.
    func adding(_ name: HTTPField.Name, _ value: String) -> HTTPFields {
        var fields = self
        fields[name] = value
        return fields
    }
}

extension Response {
    /// 304: the sender has the content, and these are its headers.
    static func notModified(_ headers: HTTPFields) -> Response { .empty(.notModified, headers: headers) }
}
