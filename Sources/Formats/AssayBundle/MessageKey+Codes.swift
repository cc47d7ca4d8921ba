import AssayCrypto
import AssayRegistry

extension MessageKey: MessageCodes {}
