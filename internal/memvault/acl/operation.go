package acl

// Operation is what a request does.
type Operation string

// The operations. Whether a write is a CreateOperation depends on whether something is
// there already; the caller finds out.
const (
	ReadOperation   Operation = "read"
	ListOperation   Operation = "list"
	CreateOperation Operation = "create"
	UpdateOperation Operation = "update"
	PatchOperation  Operation = "patch"
	DeleteOperation Operation = "delete"
)

// neededCapability returns 0 for an unknown operation, which nothing grants.
func neededCapability(op Operation) Capability {
	return map[Operation]Capability{
		ReadOperation: Read, ListOperation: List, CreateOperation: Create,
		UpdateOperation: Update, PatchOperation: Patch, DeleteOperation: Delete,
	}[op]
}

// hasParameters reports whether rules on parameters apply to the operation.
func hasParameters(op Operation) bool { return op != ListOperation && op != DeleteOperation }
