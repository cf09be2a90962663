/* SPDX-License-Identifier: Apache-2.0 */
/* The ways in which C++ programs hold their locks. */
#include "expect.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <thread>
#include <vector>

namespace
{
std::mutex anonymous_lock;

template <typename T> NOINLINE T *made()
{
    T *object = new T();
    KEEP(object);
    return object;
}
} // namespace

namespace service
{
std::mutex namespace_lock;

class Base
{
  public:
    virtual ~Base() = default;
    std::mutex base_lock;
};

class Session : public Base
{
  public:
    void touch();
    void wait();
    void lambda();
    static std::mutex registry_lock;
    std::mutex user_session_lock;
    std::recursive_mutex nested_lock;
    std::shared_mutex tree_lock;
    std::timed_mutex timed_lock;
    std::mutex queue_lock;
    std::condition_variable ready;
    int count = 0;
};

std::mutex Session::registry_lock;

NOINLINE void Session::touch()
{
    expect(&user_session_lock, "mine->user_session_lock");
    {
        std::lock_guard<std::mutex> guard(user_session_lock);
        count++;
    }
    expect(&nested_lock, "mine->nested_lock");
    {
        std::unique_lock<std::recursive_mutex> guard(nested_lock);
        count++;
    }
    expect(&tree_lock, "mine->tree_lock");
    {
        std::shared_lock<std::shared_mutex> guard(tree_lock);
        count++;
    }
    expect(&timed_lock, "mine->timed_lock");
    {
        std::scoped_lock guard(timed_lock);
        count++;
    }
    expect(&base_lock, "mine->base_lock");
    {
        std::lock_guard<std::mutex> guard(base_lock);
        count++;
    }
    expect(&registry_lock, "registry_lock");
    {
        std::lock_guard<std::mutex> guard(registry_lock);
        count++;
    }
}

NOINLINE void Session::wait()
{
    expect(&queue_lock, "mine->queue_lock");
    std::unique_lock<std::mutex> guard(queue_lock);
    ready.wait_for(guard, std::chrono::milliseconds(1));
    count++;
}

NOINLINE void Session::lambda()
{
    auto run = [this] {
        std::lock_guard<std::mutex> guard(user_session_lock);
        count++;
    };
    expect(&user_session_lock, "captured->user_session_lock|this->user_session_lock");
    run();
    std::thread thread([this] {
        std::lock_guard<std::mutex> guard(base_lock);
        count++;
    });
    expect(&base_lock, "this->base_lock|captured->base_lock" BUILD("", "|-"));
    thread.join();
}
} // namespace service

struct Holder {
    std::unique_ptr<service::Session> owned;
    std::shared_ptr<service::Session> shared;
    service::Session *plain = nullptr;
    std::optional<service::Session> maybe;
    std::array<std::mutex, 4> locks;
};

static std::unique_ptr<Holder> g_holder;
static thread_local std::mutex tls_lock;

NOINLINE static void lock_reference(std::mutex &lock)
{
    lock.lock();
    lock.unlock();
    KEEP(&lock);
}

NOINLINE static void reference(service::Session &session)
{
    expect(&session.user_session_lock, "object.user_session_lock|object->user_session_lock");
    session.user_session_lock.lock();
    session.user_session_lock.unlock();
    session.count++;
}

NOINLINE static void statics()
{
    static std::mutex function_lock;
    expect(&anonymous_lock, "anonymous_lock");
    anonymous_lock.lock();
    anonymous_lock.unlock();
    expect(&service::namespace_lock, "namespace_lock");
    service::namespace_lock.lock();
    service::namespace_lock.unlock();
    expect(&function_lock, "function_lock");
    function_lock.lock();
    function_lock.unlock();
    expect(&tls_lock, "tls_lock");
    tls_lock.lock();
    tls_lock.unlock();
    std::mutex local_lock;
    expect(&local_lock, "local_lock");
    std::lock_guard<std::mutex> guard(local_lock);
}

NOINLINE static void pointers()
{
    Holder *holder = made<Holder>();
    holder->owned.reset(made<service::Session>());
    holder->shared = std::make_shared<service::Session>();
    holder->plain = made<service::Session>();
    KEEP(holder);
    expect(&holder->owned->user_session_lock,
           BUILD("holder->owned->user_session_lock", "holder->owned->user_session_lock"));
    holder->owned->user_session_lock.lock();
    holder->owned->user_session_lock.unlock();
    expect(&holder->shared->user_session_lock, "holder->shared->user_session_lock");
    holder->shared->user_session_lock.lock();
    holder->shared->user_session_lock.unlock();
    expect(&holder->plain->user_session_lock, "holder->plain->user_session_lock");
    holder->plain->user_session_lock.lock();
    holder->plain->user_session_lock.unlock();
    expect(&holder->locks[2], "holder->locks[2]");
    holder->locks[2].lock();
    holder->locks[2].unlock();
    KEEP(holder);
    std::unique_ptr<service::Session> local(made<service::Session>());
    expect(&local->user_session_lock, BUILD("local->user_session_lock", "local->user_session_lock|-"));
    local->user_session_lock.lock();
    local->user_session_lock.unlock();
    KEEP(local.release());
    g_holder.reset(made<Holder>());
    expect(&g_holder->locks[1], "g_holder->locks[1]");
    g_holder->locks[1].lock();
    g_holder->locks[1].unlock();
}

NOINLINE static void arguments()
{
    service::Session *passed = made<service::Session>();
    expect(&passed->user_session_lock, "passed->user_session_lock");
    lock_reference(passed->user_session_lock);
    KEEP(passed);
    service::Session object;
    KEEP(&object);
    reference(object);
    KEEP(&object);
}

/* A guard or a container is no name of what it refers to. */
NOINLINE static void containers()
{
    std::vector<service::Session> sessions(3);
    expect(&sessions[1].user_session_lock, "-|sessions[1].user_session_lock");
    sessions[1].user_session_lock.lock();
    sessions[1].user_session_lock.unlock();
    KEEP(&sessions);
    void *memory = made<service::Session>();
    auto *bare =
        reinterpret_cast<std::mutex *>(static_cast<char *>(memory) + offsetof(service::Session, user_session_lock));
    expect(bare, BUILD("bare", "bare|-"));
    std::lock_guard<std::mutex> guard(*bare);
    KEEP(memory);
}

int main()
{
    auto *mine = made<service::Session>();
    mine->touch();
    mine->wait();
    KEEP(mine);
    auto *captured = made<service::Session>();
    captured->lambda();
    KEEP(captured);
    statics();
    pointers();
    arguments();
    containers();
    return 0;
}
